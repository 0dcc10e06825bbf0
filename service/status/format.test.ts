import { describe, expect, it } from "vitest";
import { format } from "./format.ts";

describe("format", () => {
  it.each([
    [0.0123, "seconds", "12.3 ms"],
    [2.5, "seconds", "2.5 s"],
    [0.005, "share", "0.5 %"],
    [1, "share", "100 %"],
    [0, "bytes", "0 B"],
    [1536, "bytes", "1.5 KiB"],
    [3 * 2 ** 30, "bytes", "3 GiB"],
    [12_345.6, "count", "12,346"],
    [0.25, "cores", "0.25"],
    [9.876, "per second", "9.88/s"],
    [0, "requests/s", "0/s"],
  ] as const)("writes %d %s as %s", (value, unit, text) => {
    expect(format(value, unit)).toBe(text);
  });
});
