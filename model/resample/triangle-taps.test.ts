import { describe, expect, it } from "vitest";
import { triangleTaps } from "./triangle-taps.ts";

const at = (taps: ReturnType<typeof triangleTaps>, i: number) => ({
  first: taps.first[i],
  weights: [...taps.weights.subarray(i * taps.count, (i + 1) * taps.count)],
});

describe("triangleTaps", () => {
  it("takes the samples as they are when nothing is scaled", () => {
    const taps = triangleTaps(10, 10, 3, 4);
    expect(at(taps, 0)).toEqual({ first: 3, weights: [256, 0] });
    expect(at(taps, 3)).toEqual({ first: 6, weights: [256, 0] });
  });

  it("interpolates between two neighbours when the axis is enlarged", () => {
    const taps = triangleTaps(4, 8, 0, 8);
    // Output 2 has its centre at 2.5 × ½ - ½ = 0.75 samples, output 3 at 1.25.
    expect(at(taps, 2)).toEqual({ first: 0, weights: [64, 192] });
    expect(at(taps, 3)).toEqual({ first: 1, weights: [192, 64] });
  });

  it("repeats the sample at the edge", () => {
    const taps = triangleTaps(4, 8, 0, 8);
    expect(at(taps, 0)).toEqual({ first: 0, weights: [256, 0] });
    expect(at(taps, 7)).toEqual({ first: 2, weights: [0, 256] });
  });

  it("is as wide as two steps when the axis becomes shorter", () => {
    const taps = triangleTaps(8, 4, 0, 4);
    expect(taps.count).toBe(4);
    expect(at(taps, 1)).toEqual({ first: 1, weights: [32, 96, 96, 32] });
  });

  it.each([
    [1, 256, 16, 224],
    [2, 256, 16, 224],
    [174, 256, 16, 224],
    [320, 256, 16, 224],
    [500, 256, 16, 224],
    [511, 300, 38, 224],
  ])("gives weights of one in all: %i samples to %i", (length, scaled, offset, size) => {
    const { first, weights, count } = triangleTaps(length, scaled, offset, size);
    for (let i = 0; i < size; i++) {
      const mine = weights.subarray(i * count, (i + 1) * count);
      expect(mine.reduce((sum, weight) => sum + weight, 0)).toBe(256);
      expect(Math.max(...mine)).toBeLessThanOrEqual(256);
      const last = mine.findLastIndex((weight) => weight > 0);
      expect((first[i] as number) + last).toBeLessThan(length);
    }
  });
});
