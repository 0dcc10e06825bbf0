import { load, timesOf } from "./contenders.ts";
import type { LoadResult } from "./load-generator.ts";
import { quantile } from "./statistics.ts";

/** An answer later than this is as bad as none, milliseconds. */
const GOAL_MS = 250;
/** What a service did while more was asked of it than it can answer. */
export type OverloadFigures = {
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

const figures = (result: LoadResult, offered: number): OverloadFigures => {
  const accepted = timesOf(result, 200);
  const refused = timesOf(result, 429);
  const broken = timesOf(result, 0);
  return {
    offered,
    goodput: accepted.filter((ms) => ms <= GOAL_MS).length / result.seconds,
    acceptedP99: quantile(accepted, 0.99),
    refusedP99: quantile(refused, 0.99),
    livezP99: quantile(result.probes, 0.99),
    socketErrors: broken.length,
    otherStatus: result.samples.length - accepted.length - refused.length - broken.length,
  };
};

/** Offers twice a capacity at a fixed rate. */
export const measureOverload = async (
  url: string,
  photos: string | undefined,
  capacity: number,
  seconds: number,
): Promise<OverloadFigures> => {
  const rate = Math.round(2 * capacity);
  return figures(await load({ kind: "open", url, photos, rate, seconds }), rate);
};
