import { describe, expect, it } from "vitest";
import type { Outcome } from "./soak-requests.ts";
import { count, createTally, tallyTable } from "./soak-tally.ts";

const tallyOf = async (asks: readonly (() => Promise<Outcome>)[]) => {
  const tally = createTally("something");
  for (const ask of asks) await count(tally, ask);
  return tally;
};

describe("count", () => {
  it("tells apart what is as it should be, refused, wrong and without an answer", async () => {
    const tally = await tallyOf([
      async () => "good",
      async () => "good",
      async () => ({ refused: "504 too late" }),
      async () => ({ wrong: "500 oh no" }),
      () => Promise.reject(new TypeError("fetch failed", { cause: new Error("ECONNRESET") })),
    ]);
    expect(tally).toMatchObject({ good: 2, refused: 1, wrong: 1, broken: 1 });
    expect(tally.reasons).toEqual(["504 too late", "500 oh no", "Error: ECONNRESET"]);
    expect(tally.took).toHaveLength(2);
  });

  it("keeps no more than it needs in an hour", async () => {
    const good = Array.from({ length: 2500 }, () => async () => "good" as const);
    const wrong = Array.from({ length: 10 }, () => async () => ({ wrong: "500" }));
    const tally = await tallyOf([...good, ...wrong]);
    expect(tally).toMatchObject({ good: 2500, wrong: 10 });
    expect(tally.took).toHaveLength(2000);
    expect(tally.reasons).toHaveLength(5);
  });
});

describe("tallyTable", () => {
  it("has a line for each kind of request", async () => {
    const tally = { ...createTally("predict"), good: 3, refused: 2, took: [1, 2, 30] };
    expect(tallyTable([tally]).split("\n")[2]).toBe("| predict | 3 | 2 | 0 | 0 | 2 / 30 |");
  });
});
