import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Prediction } from "./classifier.ts";
import type { Golden, ModelMetadata } from "./metadata.ts";
import { ModelError } from "./model-error.ts";

/** How far a probability may be from the one that training computed: another CPU rounds differently. */
const TOLERANCE = 0.05;

/** What is wrong with the answer to a golden picture; undefined when nothing is. */
export const wrongAnswer = (golden: Golden, answer: Prediction): string | undefined => {
  if (answer.label !== golden.label) return `${answer.label}, expected ${golden.label}`;
  const difference = Math.abs((answer.probabilities[golden.label] ?? 0) - golden.probability);
  // Not > TOLERANCE: a NaN is wrong, too.
  if (difference <= TOLERANCE) return undefined;
  return `probability ${answer.probability}, expected ${golden.probability} ± ${TOLERANCE}`;
};

/** Answers one picture's bytes, in whatever way is to be proven. */
export type Ask = (picture: Uint8Array<ArrayBuffer>) => Promise<Prediction>;

/**
 * Proves a model by its own golden pictures, one of each label: more would only delay the start. A model without any passes.
 *
 * @throws ModelError `missing` (the picture), `wrong-answer`, or what asking throws
 */
export const proveModel = async (
  directory: string,
  { golden }: Pick<ModelMetadata, "golden">,
  ask: Ask,
): Promise<void> => {
  const labels = new Set<string>();
  for (const picture of golden) {
    if (labels.has(picture.label)) continue;
    labels.add(picture.label);
    const path = join(directory, picture.file);
    const bytes = await readFile(path).catch((error: unknown) => {
      throw new ModelError("missing", `${path} cannot be read; publish the model again.`, {
        cause: error,
      });
    });
    // A copy: a small file's bytes lie in a pool that must not be handed to another thread.
    const wrong = wrongAnswer(picture, await ask(new Uint8Array(bytes)));
    if (!wrong) continue;
    throw new ModelError("wrong-answer", `${path}: ${wrong}; train again, or mend what answers.`);
  }
};
