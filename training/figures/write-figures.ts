import { join } from "node:path";
import { writeFileAtomic } from "../../model/write-atomic.ts";
import { answerOf, type Evaluation, type Judgement } from "../evaluate.ts";
import type { Fit } from "../head/fit.ts";
import type { Photo } from "../sources/source.ts";
import { drawCalibration, drawGradientNorms, drawLossCurve } from "./charts.ts";
import { drawConfusion } from "./confusion.ts";
import { drawMisclassified } from "./misclassified.ts";

/** What the figures show. */
export type FigureData = {
  readonly labels: readonly string[];
  readonly fit: Fit;
  readonly evaluation: Evaluation;
  readonly judgements: readonly Judgement[];
  readonly photos: readonly Photo[];
};

/** Writes the figures of a training as PNG files. */
export const writeFigures = async (directory: string, data: FigureData): Promise<void> => {
  const { labels, fit, evaluation, judgements } = data;
  const byId = new Map(data.photos.map((photo) => [photo.id, photo]));
  const mistakes = judgements.flatMap((judgement) => {
    const answer = answerOf(judgement);
    const photo = byId.get(judgement.id);
    if (answer === judgement.target || !photo) return [];
    const probability = judgement.probabilities[answer] ?? 0;
    return [{ ...photo, truth: photo.label, answer: labels[answer] ?? "", probability }];
  });
  const figures = {
    "confusion.png": drawConfusion(evaluation.confusion, labels),
    "loss.png": drawLossCurve(fit.epochs),
    "gradients.png": drawGradientNorms(fit.epochs),
    "calibration.png": drawCalibration(evaluation.calibration),
    "misclassified.png": await drawMisclassified(mistakes),
  };
  for (const [name, png] of Object.entries(figures)) {
    await writeFileAtomic(join(directory, name), png);
  }
};
