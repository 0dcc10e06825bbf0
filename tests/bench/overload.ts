import { setTimeout as wait } from "node:timers/promises";
import { type Contender, load, timesOf } from "./contenders.ts";
import type { LoadResult } from "./load-generator.ts";
import { quantile } from "./statistics.ts";

/** An answer later than this is as bad as none, milliseconds. */
const GOAL_MS = 250;
/** Clients and requests of the closed loops before and behind the overload, which say what the service can answer. */
const CLIENTS = 32;
const REQUESTS = 800;

/** What a service did while more was asked of it than it can answer. */
export type OverloadFigures = {
  /** Answers a second right before and behind the overload: the machine's speed drifts. */
  readonly capacity: number;
  /** Requests a second. */
  readonly offered: number;
  /** Good answers a second in time. */
  readonly goodput: number;
  /** Of all accepted requests, those of the first moments too, when the service still takes it for a burst, milliseconds. */
  readonly acceptedP99: number;
  readonly refusedP99: number;
  readonly livezP99: number;
  readonly socketErrors: number;
  readonly otherStatus: number;
  /** Resident bytes: at rest right before, and the most meanwhile. */
  readonly idleMemory: number;
  readonly peakMemory: number;
  /** Cores that the generator took, and how late it sent (p99, milliseconds): what is not the service's. */
  readonly generatorCores: number;
  readonly generatorLateP99: number;
};

/** How much is offered, and for how long. */
export type Overload = {
  /** Of the service's capacity. */
  readonly times: number;
  readonly seconds: number;
};

const MEMORY_EVERY_MS = 200;

const figures = (
  result: LoadResult,
): Omit<OverloadFigures, "capacity" | "offered" | "idleMemory" | "peakMemory"> => {
  const accepted = timesOf(result, 200);
  const refused = timesOf(result, 429);
  const broken = timesOf(result, 0);
  return {
    goodput: accepted.filter((ms) => ms <= GOAL_MS).length / result.seconds,
    acceptedP99: quantile(accepted, 0.99),
    refusedP99: quantile(refused, 0.99),
    livezP99: quantile(result.probes, 0.99),
    socketErrors: broken.length,
    otherStatus: result.samples.length - accepted.length - refused.length - broken.length,
    generatorCores: result.generator.cores,
    generatorLateP99: quantile(result.generator.lateMs, 0.99),
  };
};

/** The most that a reading is until a promise settles. */
const peakUntil = async (read: () => Promise<number>, done: Promise<unknown>): Promise<number> => {
  let going = true;
  const ended = done.finally(() => {
    going = false;
  });
  let peak = 0;
  while (going) {
    peak = Math.max(peak, await read());
    await Promise.race([ended, wait(MEMORY_EVERY_MS)]);
  }
  return peak;
};

/** Offers more than the service can answer, at a fixed rate. */
export const measureOverload = async (
  { url, slice, memory }: Pick<Contender, "url" | "slice" | "memory">,
  photos: string | undefined,
  { times, seconds }: Overload,
): Promise<OverloadFigures> => {
  const idleMemory = await memory();
  const before = (await slice(CLIENTS, REQUESTS)).rate;
  const offered = Math.round(times * before);
  const loading = load({ kind: "open", url, photos, rate: offered, seconds });
  const peakMemory = await peakUntil(memory, loading);
  const result = await loading;
  const behind = (await slice(CLIENTS, REQUESTS)).rate;
  const capacity = (before + behind) / 2;
  return { capacity, offered, idleMemory, peakMemory, ...figures(result) };
};
