import { EMBEDDING_SIZE } from "../backbone/efficientnet-lite0.ts";
import type { Head } from "./head.ts";
import {
  createDesign,
  crossEntropy,
  type Labelled,
  largestCurvature,
  meanOf,
  norm,
} from "./objective.ts";

/** One pass over the training pictures. */
export type Epoch = {
  /** Mean cross-entropy on the training and validation pictures, nats. */
  readonly trainLoss: number;
  readonly valLoss: number;
  /** Length of the objective's gradient, pull included. */
  readonly gradientNorm: number;
};

/** A fitted head and how it came about. */
export type Fit = {
  readonly head: Head;
  readonly pull: number;
  readonly epochs: readonly Epoch[];
  /** Index of the epoch whose head was kept: the least validation loss. */
  readonly best: number;
};

/** What to fit to. */
export type FitData = { readonly train: Labelled; readonly val: Labelled; readonly prior: Head };

const MAX_EPOCHS = 400;
/** Epochs without a better validation loss before the fit ends. */
const PATIENCE = 30;
/** Gradient, relative to the first, at which nothing is left to learn. */
const CONVERGED = 1e-4;

/** The head's numbers about centred embeddings: the bias is the score at the mean embedding. */
const centre = ({ weights, bias }: Head, mean: Float64Array): Float64Array => {
  const width = mean.length + 1;
  const parameters = new Float64Array(bias.length * width);
  for (const [label, offset] of bias.entries()) {
    let atMean = offset;
    for (let i = 0; i < mean.length; i++) {
      const weight = weights[label * mean.length + i] as number;
      parameters[label * width + i] = weight;
      atMean += weight * (mean[i] as number);
    }
    parameters[label * width + mean.length] = atMean;
  }
  return parameters;
};

const uncentre = (parameters: Float64Array, mean: Float64Array): Head => {
  const width = mean.length + 1;
  const labels = parameters.length / width;
  const weights = new Float64Array(labels * EMBEDDING_SIZE);
  const bias = new Float64Array(labels);
  for (let label = 0; label < labels; label++) {
    let offset = parameters[label * width + mean.length] as number;
    for (let i = 0; i < mean.length; i++) {
      const weight = parameters[label * width + i] as number;
      weights[label * mean.length + i] = weight;
      offset -= weight * (mean[i] as number);
    }
    bias[label] = offset;
  }
  return { weights, bias };
};

/**
 * Softmax regression: minimises mean cross-entropy + pull / 2 · |head - prior|² from the prior on, by Nesterov's
 * accelerated gradient descent with the step that the curvature allows, restarted when the objective's gradient turns
 * against the direction of travel (O'Donoghue and Candès 2015). Stops early by the validation loss. Nothing is random.
 */
export const fitHead = ({ train, val, prior }: FitData, pull: number): Fit => {
  const mean = meanOf(train.embeddings);
  const design = createDesign(train, mean);
  const valDesign = createDesign(val, mean);
  const anchor = centre(prior, mean);
  // The Hessian of softmax's cross-entropy is at most half of XᵀX / rows.
  const step = 1 / (largestCurvature(design) / 2 + pull);

  const gradient = new Float64Array(anchor.length);
  let current = anchor.slice();
  let ahead = anchor.slice();
  let momentum = 1;
  let kept = current;
  let best = 0;
  const epochs: Epoch[] = [];
  for (let epoch = 0; epoch < MAX_EPOCHS; epoch++) {
    const trainLoss = crossEntropy(design, ahead, gradient);
    for (let i = 0; i < gradient.length; i++) {
      gradient[i] = (gradient[i] as number) + pull * ((ahead[i] as number) - (anchor[i] as number));
    }
    const valLoss = crossEntropy(valDesign, ahead);
    epochs.push({ trainLoss, valLoss, gradientNorm: norm(gradient) });
    if (valLoss < (epochs[best]?.valLoss ?? 0)) best = epoch;
    if (best === epoch) kept = ahead;
    const first = epochs[0]?.gradientNorm ?? 0;
    if (epoch - best >= PATIENCE || norm(gradient) <= CONVERGED * first) break;

    const from = ahead;
    const next = from.map((value, i) => value - step * (gradient[i] as number));
    const travel = current;
    const against = next.reduce(
      (sum, value, i) => sum + (gradient[i] as number) * (value - (travel[i] as number)),
      0,
    );
    const grown = against > 0 ? 1 : (1 + Math.sqrt(1 + 4 * momentum * momentum)) / 2;
    const carry = against > 0 ? 0 : (momentum - 1) / grown;
    momentum = grown;
    ahead = next.map((value, i) => value + carry * (value - (travel[i] as number)));
    current = next;
  }
  return { head: uncentre(kept, mean), pull, epochs, best };
};

/**
 * Fits a head for each pull and keeps the one with the least validation loss; of equals, the strongest pull.
 *
 * @param onFit called after each fit with how many are done
 */
export const chooseFit = (
  data: FitData,
  pulls: readonly number[],
  onFit: (done: number) => void,
): Fit => {
  const lossOf = ({ epochs, best }: Fit): number => epochs[best]?.valLoss ?? 0;
  const fits = [...pulls]
    .sort((a, b) => b - a)
    .map((pull, index) => {
      const fit = fitHead(data, pull);
      onFit(index + 1);
      return fit;
    });
  return fits.reduce((chosen, fit) => (lossOf(fit) < lossOf(chosen) ? fit : chosen));
};
