import type { Slice } from "./contenders.ts";
import type { OverloadFigures } from "./overload.ts";
import { quantile, type Spread, spreadOf } from "./statistics.ts";

export const CONTENDERS = ["ceiling", "service", "fastapi", "fastapiTuned"] as const;
export type ContenderName = (typeof CONTENDERS)[number];

type Slices = { readonly c8: Slice[]; readonly c32: Slice[] };

/** One start of everything: interleaved slices at each number of clients, then the overload. */
export type Repetition = {
  /** The service in int8 is there when the model has such a file; all else is fp32. */
  readonly slices: Readonly<Record<ContenderName, Slices>> & { readonly serviceInt8?: Slices };
  readonly memory: Readonly<Record<ContenderName, number>>;
  readonly coldStart: Readonly<Record<ContenderName, number>>;
  /** At twice and ten times the capacity. */
  readonly overload: Readonly<Record<"x2" | "x10", OverloadFigures>>;
  /** Cores that other programs used meanwhile: what makes the figures of a busy machine doubtful. */
  readonly foreignCores: number;
};

/** A figure, what it should reach, and its values over slices or repetitions. */
export type Row = { readonly figure: string; readonly reach: string; readonly spread: Spread };

type Clients = "c8" | "c32";

/**
 * One contender's slices over another's, of neighbouring slices: what drifts between minutes is equal for both.
 *
 * @returns no ratios of slices that only one of them has
 */
export const pairedRatios = (
  ours: readonly Slice[],
  theirs: readonly Slice[],
  value: (slice: Slice) => number,
): number[] =>
  ours.flatMap((slice, i) => {
    const other = theirs[i];
    return other ? [value(slice) / value(other)] : [];
  });

/** The median rate of a contender in a repetition. */
export const rateOf = (repetition: Repetition, name: ContenderName, clients: Clients): number =>
  spreadOf(repetition.slices[name][clients].map((slice) => slice.rate)).median;

const livezP99 = (repetition: Repetition, name: ContenderName): number =>
  quantile(
    repetition.slices[name].c32.flatMap((slice) => slice.probes),
    0.99,
  );

/** The figures that the issue asks for, and those against a FastAPI that was tuned by hand. */
export const rowsOf = (repetitions: readonly Repetition[]): Row[] => {
  const row = (figure: string, reach: string, value: (r: Repetition) => number): Row => ({
    figure,
    reach,
    spread: spreadOf(repetitions.map(value)),
  });
  const sliced = (
    figure: string,
    reach: string,
    other: ContenderName,
    clients: Clients,
    value: (slice: Slice) => number,
  ): Row => ({
    figure,
    reach,
    spread: spreadOf(
      repetitions.flatMap(({ slices }) =>
        pairedRatios(slices.service[clients], slices[other][clients], value),
      ),
    ),
  });
  const rates = (figure: string, reach: string, other: ContenderName, clients: Clients): Row =>
    sliced(`${figure}, img/s, ${clients.slice(1)} clients`, reach, other, clients, (s) => s.rate);
  const peer = (figure: string, other: ContenderName, reach: readonly string[]): Row[] => {
    const [rate = "-", tail = "-", memory = "-", start = "-"] = reach;
    return [
      rates(figure, rate, other, "c8"),
      rates(figure, rate, other, "c32"),
      sliced(`${figure}, p99, 32 clients`, tail, other, "c32", (s) => quantile(s.took, 0.99)),
      row(`${figure}, resident memory`, memory, (r) => r.memory.service / r.memory[other]),
      row(`${figure}, cold start`, start, (r) => r.coldStart.service / r.coldStart[other]),
    ];
  };
  const overloaded = (load: string, of: (r: Repetition) => OverloadFigures): Row[] => {
    const figure = (name: string, reach: string, value: (figures: OverloadFigures) => number) =>
      row(`${load}: ${name}`, reach, (r) => value(of(r)));
    return [
      figure("goodput in 250 ms / capacity", ">= 0.95", (o) => o.goodput / o.capacity),
      figure("p99 of accepted, ms", "<= 150", (o) => o.acceptedP99),
      figure("p99 of 429, ms", "<= 10", (o) => o.refusedP99),
      figure("socket errors, other status", "0", (o) => o.socketErrors + o.otherStatus),
      figure("/livez p99, ms", "-", (o) => o.livezP99),
      figure("resident memory / idle", "<= 1.3", (o) => o.peakMemory / o.idleMemory),
      figure("cores that the generator took", "-", (o) => o.generatorCores),
      figure("p99 of how late it sent, ms", "-", (o) => o.generatorLateP99),
    ];
  };
  const int8 = (clients: Clients): Row => ({
    figure: `service, int8 / fp32, img/s, ${clients.slice(1)} clients`,
    reach: ">= 1.5",
    spread: spreadOf(
      repetitions.flatMap(({ slices }) =>
        pairedRatios(slices.serviceInt8?.[clients] ?? [], slices.service[clients], (s) => s.rate),
      ),
    ),
  });
  const hasInt8 = repetitions.some(({ slices }) => slices.serviceInt8);
  return [
    ...(hasInt8 ? [int8("c8"), int8("c32")] : []),
    rates("service / in process", ">= 0.85", "ceiling", "c8"),
    rates("service / in process", ">= 0.85", "ceiling", "c32"),
    ...peer("service / FastAPI", "fastapi", [">= 0.9", "<= 0.7", "<= 0.8", "<= 0.6"]),
    ...peer("service / tuned FastAPI", "fastapiTuned", []),
    row("/livez p99 at 32 clients, ms", "<= 15", (r) => livezP99(r, "service")),
    row("/livez p99 of FastAPI there, ms", "-", (r) => livezP99(r, "fastapi")),
    row("refused or failed at 32 clients", "0", (r) =>
      r.slices.service.c32.reduce((sum, slice) => sum + slice.failed, 0),
    ),
    ...overloaded("2x load", (r) => r.overload.x2),
    ...overloaded("10x load", (r) => r.overload.x10),
    row("cores used by others meanwhile", "0", (r) => r.foreignCores),
  ];
};

/** A number for people. */
export const format = (value: number): string => value.toFixed(Math.abs(value) < 10 ? 2 : 0);

/** The rows as text: median, lowest and highest value, and what to reach. */
export const tableOf = (rows: readonly Row[]): string => {
  const width = Math.max(...rows.map((row) => row.figure.length));
  const lines = rows.map(({ figure, reach, spread }) => {
    const range = `${format(spread.low)} .. ${format(spread.high)}`;
    return `${figure.padEnd(width)}  ${format(spread.median).padStart(6)}  ${range.padStart(15)}  reach ${reach}\n`;
  });
  return lines.join("");
};
