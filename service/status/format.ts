import type { Unit } from "./panels.ts";

const BYTES = ["B", "KiB", "MiB", "GiB", "TiB"];

/** A number as people write it, three digits at most. */
const digits = (value: number): string =>
  Math.abs(value) >= 1000
    ? Math.round(value).toLocaleString("en")
    : String(Number(value.toPrecision(3)));

/** A value with its unit. */
export const format = (value: number, unit: Unit): string => {
  switch (unit) {
    case "seconds":
      return Math.abs(value) < 1 ? `${digits(value * 1000)} ms` : `${digits(value)} s`;
    case "share":
      return `${digits(value * 100)} %`;
    case "bytes": {
      const power = value < 1 ? 0 : Math.min(BYTES.length - 1, Math.floor(Math.log2(value) / 10));
      return `${digits(value / 1024 ** power)} ${BYTES[power]}`;
    }
    case "requests/s":
    case "per second":
      return `${digits(value)}/s`;
    case "cores":
    case "count":
      return digits(value);
  }
};
