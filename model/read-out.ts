import * as ort from "onnxruntime-node";
import type { Explanation } from "./activation-map.ts";
import { openSession } from "./classifier.ts";
import { readFileBeside } from "./file-beside.ts";
import { ModelError } from "./model-error.ts";
import type { StoredModel } from "./model-files.ts";

/** The backbone's own classifier, which reads the features that a model's explainer gives. */
export type ReadOut = {
  /**
   * Reads explanations of one batch, in order.
   *
   * @returns one number for each of ImageNet's classes; softmax makes probabilities of them
   */
  read(explanations: readonly Explanation[]): Promise<Float32Array[]>;
  release(): Promise<void>;
};

/**
 * Opens the backbone's own classifier that training left beside a model.
 *
 * @returns undefined when training left none
 * @throws ModelError `missing`, `digest-mismatch` or `corrupt`
 */
export const openReadOut = async (
  { directory, metadata }: Pick<StoredModel, "directory" | "metadata">,
  threads: number,
): Promise<ReadOut | undefined> => {
  const { imageNet } = metadata;
  if (!imageNet) return undefined;
  const session = await openSession(await readFileBeside(directory, imageNet), threads);

  const read = async (explanations: readonly Explanation[]): Promise<Float32Array[]> => {
    const [first] = explanations;
    if (!first) return [];
    const { width, height } = first.map;
    const size = first.features.length;
    const values = new Float32Array(explanations.length * size);
    for (const [row, { features }] of explanations.entries()) values.set(features, row * size);
    const dims = [explanations.length, size / (width * height), height, width];
    const results = await session.run({ features: new ort.Tensor("float32", values, dims) });
    const logits = results["logits"]?.data;
    if (!(logits instanceof Float32Array)) {
      throw new ModelError("wrong-shape", `${imageNet.file} has no logits; train again.`);
    }
    const classes = logits.length / explanations.length;
    return explanations.map((_, row) => logits.slice(row * classes, (row + 1) * classes));
  };
  return { read, release: () => session.release() };
};
