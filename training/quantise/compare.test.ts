import { describe, expect, it } from "vitest";
import type { Judgement } from "../evaluate.ts";
import { compare } from "./compare.ts";

const judgement = (id: string, target: number, ...probabilities: number[]): Judgement => ({
  ...{ id, target, probabilities },
});

describe("compare", () => {
  it("counts right answers, other labels and differences of probabilities", () => {
    const floats = [
      judgement("a", 0, 0.9, 0.1),
      judgement("b", 0, 0.6, 0.4),
      judgement("c", 1, 0.7, 0.3),
      judgement("d", 1, 0.2, 0.8),
    ];
    const integers = [
      judgement("a", 0, 0.8, 0.2),
      judgement("b", 0, 0.4, 0.6),
      judgement("c", 1, 0.7, 0.3),
      judgement("d", 1, 0.2, 0.8),
    ];
    expect(compare(floats, integers)).toEqual({
      ...{ count: 4, accuracy: { fp32: 0.75, int8: 0.5 }, lossPoints: 25, labelFlips: 1 },
      meanDifference: expect.closeTo((2 * 0.1 + 2 * 0.2) / 8, 12),
    });
    expect(compare(integers, floats).lossPoints, "it gained").toBe(-25);
  });

  it("does not round 3 of 1,000 to more than 0.3 points", () => {
    const right = judgement("x", 0, 1, 0);
    const wrong = judgement("x", 0, 0, 1);
    const judged = (count: number): Judgement[] =>
      Array.from({ length: 1000 }, (_, i) => (i < count ? right : wrong));
    // As a difference of shares this would be 0.30000000000000027.
    expect(compare(judged(985), judged(982)).lossPoints).toBe(0.3);
  });

  it("refuses answers to other pictures", () => {
    const floats = [judgement("a", 0, 1, 0)];
    expect(() => compare(floats, [judgement("b", 0, 1, 0)])).toThrow("a got no answer in integers");
    expect(() => compare(floats, [])).toThrow("a got no answer in integers");
  });
});
