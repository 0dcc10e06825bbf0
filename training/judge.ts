import { availableParallelism } from "node:os";
import { createClassifier } from "../model/classifier.ts";
import { ImageError } from "../model/image-error.ts";
import type { Precision } from "../model/precision.ts";
import { readModel } from "../model/store.ts";
import { type Evaluation, evaluate, type Judgement } from "./evaluate.ts";
import type { Skipped } from "./inspect.ts";
import { createProgress } from "./progress.ts";
import { openFolder } from "./sources/folder.ts";
import type { Photo } from "./sources/source.ts";
import { UserError } from "./user-error.ts";

/** Pictures decoded together, while the batch before them is classified. */
const BATCH = 16;

/** What a model said about a folder of labelled pictures. */
export type Judged = {
  readonly evaluation: Evaluation;
  readonly digest: string;
  readonly skipped: readonly Skipped[];
};

/**
 * Judges a model, as it would serve, on every picture of a folder.
 *
 * @param precision default: what `model.json` says
 * @throws ModelError when the model is unusable
 * @throws UserError when the folder is unusable or has a class that the model does not know
 */
export const judge = async (
  modelDirectory: string,
  data: string,
  precision?: Precision,
): Promise<Judged> => {
  const model = await readModel(modelDirectory, precision);
  const { labels, digest } = model.metadata;
  const { photos } = await openFolder(data);
  const unknown = photos.find(({ label }) => !labels.includes(label));
  if (unknown) {
    throw new UserError(
      `${data} has the class "${unknown.label}", but the model knows ${labels.join(", ")}; judge it on its own classes.`,
    );
  }
  const skipped: Skipped[] = [];
  const judgements: Judgement[] = [];
  const classifier = await createClassifier(model, availableParallelism());
  const progress = createProgress("judging", photos.length);

  const decode = async (photo: Photo): Promise<Uint8Array | undefined> => {
    try {
      return await classifier.decode(await photo.read());
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      skipped.push({ id: photo.id, reason: error.message });
      return undefined;
    }
  };
  try {
    for (let start = 0; start < photos.length; start += BATCH) {
      const batch = photos.slice(start, start + BATCH);
      const decoded = await Promise.all(batch.map(decode));
      const usable = batch.flatMap((photo, i) => {
        const pixels = decoded[i];
        return pixels ? [{ photo, pixels }] : [];
      });
      const predictions = await classifier.classify(usable.map(({ pixels }) => pixels));
      for (const [i, { photo }] of usable.entries()) {
        const probabilities = labels.map((label) => predictions[i]?.probabilities[label] ?? 0);
        judgements.push({ id: photo.id, target: labels.indexOf(photo.label), probabilities });
      }
      progress.update(start + batch.length);
    }
  } finally {
    progress.finish();
    await classifier.release();
  }
  if (judgements.length === 0) {
    throw new UserError(`none of the ${photos.length} pictures in ${data} can be decoded.`);
  }
  return { evaluation: evaluate(judgements, labels), digest, skipped };
};
