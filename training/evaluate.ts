import type { ModelMetadata } from "../model/metadata.ts";

/** What a model said about one picture, and what is true. */
export type Judgement = {
  readonly id: string;
  /** Index of the true label. */
  readonly target: number;
  /** Probability of each label; of none where there is no answer, which is a wrong one. */
  readonly probabilities: readonly number[];
};

type Metrics = ModelMetadata["metrics"];

/** A model's figures on labelled pictures. */
export type Evaluation = Metrics & {
  /** Pictures by true label (row) and answer (column); one without an answer is in no column. */
  readonly confusion: readonly (readonly number[])[];
  readonly calibration: readonly CalibrationBin[];
};

/** Answers whose probability lies in one tenth of 0..1. */
export type CalibrationBin = {
  readonly count: number;
  readonly meanProbability: number;
  /** Share of right answers. */
  readonly accuracy: number;
};

const BINS = 10;
/** Quantile of the normal distribution for a two-sided 95 % interval. */
const Z = 1.959964;

/**
 * The 95 % Wilson score interval of a share (Wilson 1927): unlike the normal approximation it stays within 0..1 and is
 * right near its ends.
 */
export const wilsonInterval = (right: number, count: number): [number, number] => {
  if (count === 0) return [0, 1];
  const share = right / count;
  const scale = 1 + Z ** 2 / count;
  const centre = (share + Z ** 2 / (2 * count)) / scale;
  const half = (Z / scale) * Math.sqrt((share * (1 - share)) / count + Z ** 2 / (4 * count ** 2));
  return [Math.max(0, centre - half), Math.min(1, centre + half)];
};

/** Index of the most probable label; of equals, the first. */
export const answerOf = ({ probabilities }: Pick<Judgement, "probabilities">): number =>
  probabilities.indexOf(Math.max(...probabilities));

const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const mean = (values: readonly number[]): number => ratio(sum(values), values.length);

const calibrationOf = (judgements: readonly Judgement[]): CalibrationBin[] => {
  const bins = Map.groupBy(judgements, ({ probabilities }) =>
    Math.min(BINS - 1, Math.floor(Math.max(...probabilities) * BINS)),
  );
  return Array.from({ length: BINS }, (_, index) => {
    const inside = bins.get(index) ?? [];
    return {
      count: inside.length,
      meanProbability: mean(inside.map(({ probabilities }) => Math.max(...probabilities))),
      accuracy: mean(inside.map((item) => (answerOf(item) === item.target ? 1 : 0))),
    };
  });
};

/**
 * Accuracy with its interval; precision, recall and F1 by class and as unweighted means; log loss; calibration error;
 * confusion matrix. A ratio with nothing below the line is 0. Log loss and calibration are those of the answers that there are.
 */
export const evaluate = (
  judgements: readonly Judgement[],
  labels: readonly string[],
): Evaluation => {
  const answered = judgements.filter(({ probabilities }) => probabilities.length > 0);
  const confusion = labels.map((_, target) => {
    const answers = answered.filter((item) => item.target === target).map(answerOf);
    return labels.map((__, answer) => answers.filter((given) => given === answer).length);
  });
  const at = (row: number, column: number): number => confusion[row]?.[column] ?? 0;
  const classes = labels.map((_, i) => {
    const support = judgements.filter(({ target }) => target === i).length;
    const precision = ratio(at(i, i), sum(labels.map((__, row) => at(row, i))));
    const recall = ratio(at(i, i), support);
    return { precision, recall, f1: ratio(2 * precision * recall, precision + recall), support };
  });
  const right = sum(labels.map((_, i) => at(i, i)));
  const count = judgements.length;
  const calibration = calibrationOf(answered);
  const losses = answered.map(
    ({ probabilities, target }) =>
      -Math.log(Math.max(probabilities[target] ?? 0, Number.MIN_VALUE)),
  );
  return {
    test: { accuracy: ratio(right, count), interval: wilsonInterval(right, count), count },
    macro: {
      precision: mean(classes.map(({ precision }) => precision)),
      recall: mean(classes.map(({ recall }) => recall)),
      f1: mean(classes.map(({ f1 }) => f1)),
    },
    perClass: Object.fromEntries(classes.map((figures, i) => [labels[i] ?? "", figures])),
    logLoss: mean(losses),
    calibrationError: sum(
      calibration.map((bin) =>
        ratio(bin.count * Math.abs(bin.accuracy - bin.meanProbability), answered.length),
      ),
    ),
    confusion,
    calibration,
  };
};

/** Those of the figures that `model.json` has. */
export const metricsOf = ({
  test,
  macro,
  perClass,
  logLoss,
  calibrationError,
}: Evaluation): Metrics => ({ test, macro, perClass, logLoss, calibrationError });
