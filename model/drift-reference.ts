import { z } from "zod";
import { PROJECTIONS, project } from "./projection.ts";

/*
 * What training saw of the numbers that a service watches: counts in bins, for the population stability index. Two kinds:
 * the confidence of the answers, and where the photos lie in the network's own space (its embedding), seen along a few
 * directions. Lines that are drawn at random tell two distributions apart as surely as the whole space does
 * (Cuesta-Albertos, Fraiman and Ransford 2007), and need nothing stored; that such a projection, or the answer itself,
 * with one test for each number finds shifts well is the result of Rabanser et al. 2019 ("Failing Loudly").
 */

/** Bins of one number: `edges` between them, ascending, and how many photos of the reference lie in each. */
const histogramSchema = z
  .strictObject({
    edges: z.array(z.number()).min(1).max(50),
    counts: z.array(z.int().nonnegative()),
  })
  .refine(({ edges, counts }) => counts.length === edges.length + 1, "edges do not fit counts");

/** The part of model.json that says what training's held-out photos looked like to the model. */
export const driftReferenceSchema = z.strictObject({
  /** Photos of the validation and test splits, which the head was not fitted on. */
  count: z.int().positive(),
  /** Probability of the predicted label. */
  confidence: histogramSchema,
  /** The embedding along each direction of `project`. */
  projections: z.array(histogramSchema).min(1).max(64),
});

export type Histogram = Readonly<z.infer<typeof histogramSchema>>;
export type DriftReference = Readonly<z.infer<typeof driftReferenceSchema>>;

/** Where confidences are told apart: finely where a sure classifier's lie. Not quantiles, which a rounding error moves there. */
const CONFIDENCE_EDGES = [0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999];
const MOST_BINS = 10;
/** Photos that a bin of the reference should have at least, or its share would be a guess. */
const LEAST_IN_BIN = 8;

/** The bin of a value: how many edges it has reached. */
export const binOf = (edges: readonly number[], value: number): number => {
  let bin = 0;
  while (bin < edges.length && value >= (edges[bin] as number)) bin++;
  return bin;
};

const histogram = (edges: number[], values: readonly number[]): z.infer<typeof histogramSchema> => {
  const counts = new Array<number>(edges.length + 1).fill(0);
  for (const value of values) {
    const bin = binOf(edges, value);
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  return { edges, counts };
};

/** Edges that part the values into bins of the same number, as far as equal values allow. */
const quantileEdges = (values: readonly number[]): number[] => {
  const sorted = [...values].sort((a, b) => a - b);
  const bins = Math.max(2, Math.min(MOST_BINS, Math.floor(values.length / LEAST_IN_BIN)));
  const edges = Array.from(
    { length: bins - 1 },
    (_, i) => sorted[Math.floor(((i + 1) * sorted.length) / bins)] ?? 0,
  );
  return [...new Set(edges)];
};

/** Sums up photos that a model was not fitted on. @param photos at least one */
export const makeDriftReference = (
  photos: readonly { readonly confidence: number; readonly embedding: Float32Array }[],
): DriftReference => {
  const confidences = photos.map(({ confidence }) => confidence);
  const projected = photos.map(({ embedding }) => project(embedding));
  return {
    count: photos.length,
    confidence: histogram(CONFIDENCE_EDGES, confidences),
    projections: Array.from({ length: PROJECTIONS }, (_, direction) => {
      const values = projected.map((each) => each[direction] ?? 0);
      return histogram(quantileEdges(values), values);
    }),
  };
};
