import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import type { Explanation } from "./activation-map.ts";
import { openSession } from "./classifier.ts";
import { digestOf } from "./digest.ts";
import { ModelError } from "./model-error.ts";
import type { StoredModel } from "./store.ts";

/** What the backbone's own classifier says of one photo. */
type ReadOutAnswer = {
  /** One number for each of ImageNet's classes; softmax makes probabilities of them. */
  readonly logits: Float32Array;
  /** The same at each place of the feature map, class by class, each as the map's places. */
  readonly scores: Float32Array;
};

/** The backbone's own classifier, which reads the features that a model's explainer gives. */
export type ReadOut = {
  /** Reads explanations of one batch, in order. */
  read(explanations: readonly Explanation[]): Promise<ReadOutAnswer[]>;
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
  const path = join(directory, imageNet.file);
  const onnx = await readFile(path).catch((error: unknown) => {
    throw new ModelError("missing", `${path} cannot be read; publish the model again.`, {
      cause: error,
    });
  });
  const actual = digestOf(onnx);
  if (actual !== imageNet.digest) {
    throw new ModelError(
      "digest-mismatch",
      `${path} has ${actual} but ${imageNet.digest} is declared; copy it again or train again.`,
    );
  }
  const session = await openSession(onnx, threads);

  const read = async (explanations: readonly Explanation[]): Promise<ReadOutAnswer[]> => {
    const [first] = explanations;
    if (!first) return [];
    const { width, height } = first.map;
    const size = first.features.length;
    const values = new Float32Array(explanations.length * size);
    for (const [row, { features }] of explanations.entries()) values.set(features, row * size);
    const dims = [explanations.length, size / (width * height), height, width];
    const results = await session.run({ features: new ort.Tensor("float32", values, dims) });
    const rowOf = (name: string, row: number): Float32Array => {
      const data = results[name]?.data;
      if (!(data instanceof Float32Array)) {
        throw new ModelError("wrong-shape", `${path} has no ${name}; train again.`);
      }
      const length = data.length / explanations.length;
      return data.slice(row * length, (row + 1) * length);
    };
    return explanations.map((_, row) => ({
      logits: rowOf("logits", row),
      scores: rowOf("scores", row),
    }));
  };
  return { read, release: () => session.release() };
};
