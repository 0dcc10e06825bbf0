import { EMBEDDING_SIZE } from "../backbone/efficientnet-lite0.ts";

/** A linear read-out of the embedding, followed by softmax. */
export type Head = {
  /** Row-major, one row of `EMBEDDING_SIZE` numbers for each label. */
  readonly weights: Float64Array;
  /** One number for each label. */
  readonly bias: Float64Array;
};

/** The head that knows nothing: every label is as probable. */
export const zeroHead = (labels: number): Head => ({
  weights: new Float64Array(labels * EMBEDDING_SIZE),
  bias: new Float64Array(labels),
});

/** Turns scores into probabilities, in place, without overflow. */
export const softmax = (scores: Float64Array): Float64Array => {
  const highest = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  let sum = 0;
  for (let i = 0; i < scores.length; i++) {
    const power = Math.exp((scores[i] as number) - highest);
    scores[i] = power;
    sum += power;
  }
  for (let i = 0; i < scores.length; i++) scores[i] = (scores[i] as number) / sum;
  return scores;
};

/** Probability of each label for one embedding. */
export const predict = ({ weights, bias }: Head, embedding: Float32Array): Float64Array => {
  const scores = Float64Array.from(bias, (offset, label) => {
    let sum = offset;
    const row = label * embedding.length;
    for (let i = 0; i < embedding.length; i++) {
      sum += (weights[row + i] as number) * (embedding[i] as number);
    }
    return sum;
  });
  return softmax(scores);
};
