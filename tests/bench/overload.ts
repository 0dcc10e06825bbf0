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
};

const figures = (result: LoadResult): Omit<OverloadFigures, "capacity" | "offered"> => {
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
  };
};

/** Offers twice what the service can answer, at a fixed rate. */
export const measureOverload = async (
  { url, slice }: Pick<Contender, "url" | "slice">,
  photos: string | undefined,
  seconds: number,
): Promise<OverloadFigures> => {
  const before = (await slice(CLIENTS, REQUESTS)).rate;
  const offered = Math.round(2 * before);
  const result = await load({ kind: "open", url, photos, rate: offered, seconds });
  const behind = (await slice(CLIENTS, REQUESTS)).rate;
  return { capacity: (before + behind) / 2, offered, ...figures(result) };
};
