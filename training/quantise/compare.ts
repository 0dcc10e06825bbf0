import type { ModelMetadata } from "../../model/metadata.ts";
import { answerOf, type Judgement } from "../evaluate.ts";

type Comparison = NonNullable<ModelMetadata["int8"]>["validation"];

/** How what a model says in integers differs from what it says in floats of the very same pictures. */
export const compare = (
  floats: readonly Judgement[],
  integers: readonly Judgement[],
): Comparison => {
  const count = floats.length;
  const pairs = floats.map((fp32, i) => {
    const int8 = integers[i];
    if (fp32.id !== int8?.id) throw new Error(`${fp32.id} got no answer in integers`);
    return { fp32, int8 };
  });
  const countRight = (judgements: readonly Judgement[]): number =>
    judgements.filter((each) => answerOf(each) === each.target).length;
  const right = { fp32: countRight(floats), int8: countRight(integers) };
  const differences = pairs.flatMap(({ fp32, int8 }) =>
    fp32.probabilities.map((value, label) => Math.abs(value - (int8.probabilities[label] ?? 0))),
  );
  return {
    count,
    accuracy: { fp32: right.fp32 / count, int8: right.int8 / count },
    // Of the counts: the difference of two shares would be rounded, at 0.3 points to just above them.
    lossPoints: ((right.fp32 - right.int8) / count) * 100,
    labelFlips: pairs.filter(({ fp32, int8 }) => answerOf(fp32) !== answerOf(int8)).length,
    meanDifference: differences.reduce((a, b) => a + b, 0) / differences.length,
  };
};
