import { softmax } from "./head.ts";

/** Embeddings as one matrix, row-major, each row centred and followed by a 1 for the bias; and their labels. */
export type Design = {
  readonly rows: number;
  /** Numbers in a row. */
  readonly width: number;
  readonly values: Float64Array;
  /** Index of each row's label. */
  readonly targets: readonly number[];
};

/** Embeddings with their labels' indexes. */
export type Labelled = {
  readonly embeddings: readonly Float32Array[];
  readonly targets: readonly number[];
};

/** Mean of each number over the embeddings. */
export const meanOf = (embeddings: readonly Float32Array[]): Float64Array => {
  const mean = new Float64Array(embeddings[0]?.length ?? 0);
  for (const embedding of embeddings) {
    for (let i = 0; i < mean.length; i++) mean[i] = (mean[i] as number) + (embedding[i] as number);
  }
  return mean.map((sum) => sum / embeddings.length);
};

/** Centred embeddings: without the mean, which would dominate every other direction, descent takes far fewer steps. */
export const createDesign = ({ embeddings, targets }: Labelled, mean: Float64Array): Design => {
  const width = mean.length + 1;
  const values = new Float64Array(embeddings.length * width);
  for (const [row, embedding] of embeddings.entries()) {
    for (let i = 0; i < mean.length; i++) {
      values[row * width + i] = (embedding[i] as number) - (mean[i] as number);
    }
    values[row * width + mean.length] = 1;
  }
  return { rows: embeddings.length, width, values, targets };
};

/**
 * Mean cross-entropy of a softmax regression, nats.
 *
 * @param parameters row-major, one row of `design.width` numbers for each label
 * @param gradient overwritten with the derivative by the parameters, when given
 */
export const crossEntropy = (
  design: Design,
  parameters: Float64Array,
  gradient?: Float64Array,
): number => {
  const { rows, width, values, targets } = design;
  const labels = parameters.length / width;
  const scores = new Float64Array(labels);
  gradient?.fill(0);
  let loss = 0;
  for (let row = 0; row < rows; row++) {
    const at = row * width;
    for (let label = 0; label < labels; label++) {
      let sum = 0;
      const from = label * width;
      for (let i = 0; i < width; i++) {
        sum += (parameters[from + i] as number) * (values[at + i] as number);
      }
      scores[label] = sum;
    }
    const target = targets[row] as number;
    softmax(scores);
    loss -= Math.log(Math.max(scores[target] as number, Number.MIN_VALUE)) / rows;
    if (!gradient) continue;
    for (let label = 0; label < labels; label++) {
      const error = ((scores[label] as number) - (label === target ? 1 : 0)) / rows;
      const from = label * width;
      for (let i = 0; i < width; i++) {
        gradient[from + i] = (gradient[from + i] as number) + error * (values[at + i] as number);
      }
    }
  }
  return loss;
};

/** Largest eigenvalue of XᵀX / rows by power iteration: how sharply the objective can bend. */
export const largestCurvature = ({ rows, width, values }: Design): number => {
  let direction = new Float64Array(width).fill(1 / Math.sqrt(width));
  let length = 0;
  for (let step = 0; step < 20; step++) {
    const next = new Float64Array(width);
    for (let row = 0; row < rows; row++) {
      const at = row * width;
      let along = 0;
      for (let i = 0; i < width; i++)
        along += (direction[i] as number) * (values[at + i] as number);
      for (let i = 0; i < width; i++) {
        next[i] = (next[i] as number) + ((values[at + i] as number) * along) / rows;
      }
    }
    length = norm(next);
    direction = next.map((value) => value / length);
  }
  return length;
};

/** Euclidean length. */
export const norm = (values: Float64Array): number =>
  Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
