import { describe, expect, it } from "vitest";
import { ONCE_IN, stabilityBound, stabilityIndex } from "./stability-index.ts";

/** Numbers that look random, the same each time (mulberry32). */
const createRandom = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
};

describe("stabilityIndex", () => {
  it("is what the definition says", () => {
    // Of shares 0.5, 0.3, 0.2 and 0.4, 0.3, 0.3, worked out by hand: 0.1 ln 1.25 + 0.1 ln 1.5.
    const index = stabilityIndex([500_000, 300_000, 200_000], [400_000, 300_000, 300_000]);
    expect(index).toBeCloseTo(0.1 * Math.log(1.25) + 0.1 * Math.log(1.5), 5);
    expect(stabilityIndex([10, 20], [10, 20])).toBe(0);
    expect(stabilityIndex([0, 50], [50, 0])).toBeGreaterThan(5);
    expect(stabilityIndex([0, 50], [50, 0])).toBeLessThan(Number.POSITIVE_INFINITY);
  });
});

describe("stabilityBound", () => {
  it("has the quantiles of a χ² table", () => {
    // 99.9 % with 3, 7 and 9 degrees of freedom; n = m = 2 makes the factor 1.
    for (const [bins, quantile] of [
      [4, 16.266],
      [8, 24.322],
      [10, 27.877],
    ] as const) {
      const counts = [2, ...new Array(bins - 1).fill(0)];
      const bound = stabilityBound(counts, counts, ONCE_IN.thousand);
      expect(Math.abs(bound / quantile - 1)).toBeLessThan(0.02);
    }
  });

  it("is passed by chance about as seldom as it says", () => {
    const random = createRandom(1);
    const draw = (photos: number): number[] => {
      const counts = new Array<number>(10).fill(0);
      for (let i = 0; i < photos; i++) {
        const bin = Math.floor(random() * 10);
        counts[bin] = (counts[bin] ?? 0) + 1;
      }
      return counts;
    };
    const trials = 4000;
    let passed = 0;
    for (let i = 0; i < trials; i++) {
      const [reference, now] = [draw(200), draw(500)];
      // 95 % instead, so that thousands of trials suffice to see it.
      if (stabilityIndex(reference, now) > stabilityBound(reference, now, 1.6449)) passed += 1;
    }
    expect(passed / trials).toBeGreaterThan(0.03);
    expect(passed / trials).toBeLessThan(0.07);
  });
});
