import { describe, expect, it } from "vitest";
import { createRandom } from "../../training/random.ts";
import { fitSlope, studentQuantile } from "./slope.ts";

/** A line with noise, each value of which keeps a share of the last one's. */
const noisyLine = (seed: number, slope: number, kept: number) => {
  const random = createRandom("slope", seed);
  let noise = 0;
  return Array.from({ length: 120 }, (_, at) => {
    noise = kept * noise + random.between(-1, 1);
    return { at, value: 300 + slope * at + noise };
  });
};

/** The share of intervals, of many lines, that hold the true slope. */
const coverage = (kept: number): number => {
  const lines = Array.from({ length: 500 }, (_, seed) => fitSlope(noisyLine(seed, 0.01, kept)));
  return lines.filter(({ slope, margin }) => Math.abs(slope - 0.01) <= margin).length / 500;
};

describe("fitSlope", () => {
  it("gives Anscombe's first data set its line", () => {
    const x = [10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5];
    const y = [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68];
    const { slope, margin } = fitSlope(x.map((at, i) => ({ at, value: y[i] ?? Number.NaN })));
    expect(slope).toBeCloseTo(0.5001, 4);
    // R: confint(lm(y1 ~ x1, anscombe)) is 0.2334 to 0.7668; the residuals there are anticorrelated.
    expect(margin).toBeCloseTo(0.2667, 3);
  });

  it("holds the true slope in about 95 of 100 intervals, with independent noise", () => {
    expect(coverage(0)).toBeGreaterThan(0.92);
    expect(coverage(0)).toBeLessThan(0.98);
  });

  it("widens the interval when neighbours are alike: it would hold the slope half of the time", () => {
    expect(coverage(0.8)).toBeGreaterThan(0.85);
  });

  it("does not pretend to know the slope of two points", () => {
    const points = [
      { at: 0, value: 1 },
      { at: 1, value: 3 },
    ];
    expect(fitSlope(points)).toEqual({ slope: 2, margin: Number.POSITIVE_INFINITY });
  });
});

describe("studentQuantile", () => {
  it.each([
    [5, 2.571],
    [10, 2.228],
    [28, 2.048],
    [120, 1.98],
  ])("is, with %d degrees of freedom, %d as in tables", (freedom, expected) => {
    expect(studentQuantile(freedom)).toBeCloseTo(expected, 2);
  });
});
