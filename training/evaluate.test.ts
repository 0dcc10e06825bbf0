import { describe, expect, it } from "vitest";
import { evaluate, type Judgement, wilsonInterval } from "./evaluate.ts";

const judgement = (target: number, ...probabilities: number[]): Judgement => ({
  id: "x",
  target,
  probabilities,
});

describe("wilsonInterval", () => {
  it.each([
    // R's prop.test(correct = FALSE)
    [8, 10, 0.49016, 0.94332],
    [0, 10, 0, 0.27754],
    [10, 10, 0.72246, 1],
    [985, 1000, 0.97539, 0.99089],
  ])("of %i in %i is %f to %f", (right, count, low, high) => {
    const interval = wilsonInterval(right, count);
    expect(interval[0]).toBeCloseTo(low, 4);
    expect(interval[1]).toBeCloseTo(high, 4);
  });

  it("of nothing is everything", () => {
    expect(wilsonInterval(0, 0)).toEqual([0, 1]);
  });
});

describe("evaluate", () => {
  // By hand: cat 3 of 4 right, dog 1 of 2; three answers cat right, one wrong.
  const judgements = [
    judgement(0, 0.9, 0.1),
    judgement(0, 0.8, 0.2),
    judgement(0, 0.6, 0.4),
    judgement(0, 0.3, 0.7),
    judgement(1, 0.1, 0.9),
    judgement(1, 0.55, 0.45),
  ];
  const result = evaluate(judgements, ["cat", "dog"]);

  it("counts", () => {
    expect(result.confusion).toEqual([
      [3, 1],
      [1, 1],
    ]);
    expect(result.test).toMatchObject({ accuracy: 4 / 6, count: 6 });
  });

  it("gives precision, recall and F1 of each class and their means", () => {
    expect(result.perClass["cat"]).toEqual({ precision: 0.75, recall: 0.75, f1: 0.75, support: 4 });
    expect(result.perClass["dog"]).toEqual({ precision: 0.5, recall: 0.5, f1: 0.5, support: 2 });
    expect(result.macro).toEqual({ precision: 0.625, recall: 0.625, f1: 0.625 });
  });

  it("gives log loss and calibration error", () => {
    const losses = [0.9, 0.8, 0.6, 0.3, 0.9, 0.45].map((p) => -Math.log(p));
    expect(result.logLoss).toBeCloseTo(losses.reduce((a, b) => a + b) / 6, 12);
    // Bins 0.9: 2 of 2 at 0.9; 0.8: 1 of 1; 0.7: 0 of 1; 0.6: 1 of 1; 0.5: 0 of 1 at 0.55.
    expect(result.calibrationError).toBeCloseTo((2 * 0.1 + 0.2 + 0.7 + 0.4 + 0.55) / 6, 12);
  });

  it("takes no answer for a wrong one, and tells of the others how sure they are", () => {
    const { test, perClass, confusion, logLoss, calibrationError } = evaluate(
      [judgement(0, 0.9, 0.1), judgement(0), judgement(1)],
      ["cat", "dog"],
    );
    expect(test).toMatchObject({ accuracy: 1 / 3, count: 3 });
    expect(perClass["cat"]).toMatchObject({ precision: 1, recall: 0.5, support: 2 });
    expect(perClass["dog"]).toEqual({ precision: 0, recall: 0, f1: 0, support: 1 });
    expect(confusion).toEqual([
      [1, 0],
      [0, 0],
    ]);
    expect(logLoss).toBeCloseTo(-Math.log(0.9), 12);
    expect(calibrationError).toBeCloseTo(0.1, 12);
  });

  it("is 0 where a class was never answered, and finite where the truth got no probability", () => {
    const { perClass, logLoss } = evaluate([judgement(1, 1, 0)], ["cat", "dog"]);
    expect(perClass["dog"]).toEqual({ precision: 0, recall: 0, f1: 0, support: 1 });
    expect(logLoss).toBeLessThan(800);
  });
});
