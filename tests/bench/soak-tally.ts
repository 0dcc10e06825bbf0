import type { Outcome } from "./soak-requests.ts";
import { quantile } from "./statistics.ts";

/** Answers kept to tell their times: beyond them each replaces an older one, so that an hour takes no more memory. */
const KEPT_TIMES = 2000;
const KEPT_REASONS = 5;

/** What came of one kind of request. */
export type Tally = {
  readonly name: string;
  good: number;
  /** 429, 503 and 504: the service says that it is full, or was too slow. */
  refused: number;
  /** Any other answer than the request deserves. */
  wrong: number;
  /** No answer. */
  broken: number;
  /** Milliseconds of the last good ones. */
  readonly took: number[];
  /** Of the first that were not good. */
  readonly reasons: string[];
};

export const createTally = (name: string): Tally => ({
  ...{ name, good: 0, refused: 0, wrong: 0, broken: 0 },
  ...{ took: [], reasons: [] },
});

const explain = (tally: Tally, reason: string): void => {
  if (tally.reasons.length < KEPT_REASONS) tally.reasons.push(reason);
};

/** Makes a request and counts what comes of it. */
export const count = async (tally: Tally, ask: () => Promise<Outcome>): Promise<void> => {
  const begun = performance.now();
  try {
    const outcome = await ask();
    if (outcome === "good") {
      tally.took[tally.good % KEPT_TIMES] = performance.now() - begun;
      tally.good += 1;
    } else if ("refused" in outcome) {
      tally.refused += 1;
      explain(tally, outcome.refused);
    } else {
      tally.wrong += 1;
      explain(tally, outcome.wrong);
    }
  } catch (error) {
    tally.broken += 1;
    explain(tally, String((error as Error).cause ?? error));
  }
};

/** The counts as a table in Markdown. */
export const tallyTable = (tallies: readonly Tally[]): string => {
  const rows = tallies.map(({ name, good, refused, wrong, broken, took }) => {
    const [p50, p99] = [0.5, 0.99].map((share) => quantile(took, share).toFixed(0));
    return `| ${name} | ${good} | ${refused} | ${wrong} | ${broken} | ${p50} / ${p99} |\n`;
  });
  return (
    "| what | as it should be | 429, 503, 504 | other | no answer | p50 / p99 ms |\n" +
    `|---|---|---|---|---|---|\n${rows.join("")}`
  );
};
