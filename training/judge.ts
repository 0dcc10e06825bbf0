import { availableParallelism } from "node:os";
import type { Precision } from "../model/precision.ts";
import { readModel } from "../model/store.ts";
import { type Evaluation, evaluate } from "./evaluate.ts";
import type { Skipped } from "./inspect.ts";
import { judgePhotos } from "./judge-photos.ts";
import { openFolder } from "./sources/folder.ts";
import { UserError } from "./user-error.ts";
import { withClassifier } from "./with-classifier.ts";

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
  const judgements = await withClassifier(model, availableParallelism(), (classifier) =>
    judgePhotos(classifier, photos, "judging", (file) => skipped.push(file)),
  );
  if (judgements.length === 0) {
    throw new UserError(`none of the ${photos.length} pictures in ${data} can be decoded.`);
  }
  return { evaluation: evaluate(judgements, labels), digest, skipped };
};
