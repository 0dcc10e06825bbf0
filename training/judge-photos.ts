import type { Classifier } from "../model/classifier.ts";
import { ImageError } from "../model/image-error.ts";
import type { Judgement } from "./evaluate.ts";
import type { Skipped } from "./inspect.ts";
import { createProgress } from "./progress.ts";
import type { Photo } from "./sources/source.ts";

/** Pictures decoded together, and classified together behind that. */
const BATCH = 16;

/**
 * Asks a model about labelled pictures whose labels it knows.
 *
 * @param stage what it is for, for people
 * @param skip told of each picture that does not decode; by default there must be none
 * @throws ImageError when a picture does not decode and nobody is told
 */
export const judgePhotos = async (
  classifier: Classifier,
  photos: readonly Photo[],
  stage: string,
  skip?: (skipped: Skipped) => void,
): Promise<Judgement[]> => {
  const { labels } = classifier.metadata;
  const decode = async (photo: Photo): Promise<Uint8Array | undefined> => {
    try {
      return await classifier.decode(await photo.read());
    } catch (error) {
      if (!skip || !(error instanceof ImageError)) throw error;
      skip({ id: photo.id, reason: error.message });
      return undefined;
    }
  };
  const judgements: Judgement[] = [];
  const progress = createProgress(stage, photos.length);
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
  }
  return judgements;
};
