import * as ort from "onnxruntime-node";
import { openSession, type Prediction, predictionAt } from "./classifier.ts";
import { addToGraph } from "./graph-outputs.ts";
import type { ModelMetadata } from "./metadata.ts";
import { ModelError } from "./model-error.ts";
import { createPacker } from "./preprocessing.ts";

/**
 * Where in a photo the network saw what speaks for each label (class-activation map, Zhou et al. 2016). Places are read
 * row by row from the top left of the network's input: the photo's centre square for `decodePixels`.
 */
export type ActivationMap = {
  readonly width: number;
  readonly height: number;
  /** By label, the place's score. Its mean over all places and the label's bias add up to what softmax sees. */
  readonly scores: Readonly<Record<string, Float32Array>>;
};

/** A prediction with what it came from. */
export type Explanation = {
  readonly prediction: Prediction;
  readonly map: ActivationMap;
  /** The photo in the network's own terms: the mean of its features over all places. */
  readonly embedding: Float32Array;
  /** The last feature map, channel by channel, each as the map's places. */
  readonly features: Float32Array;
};

/** A loaded model that explains its answers. It has a session of its own: one that only classifies pays nothing for it. */
export type Explainer = {
  readonly metadata: ModelMetadata;
  /** Explains decoded photos (HWC bytes of the network's input), in order. */
  explain(batch: readonly Uint8Array[]): Promise<Explanation[]>;
  release(): Promise<void>;
};

const KERNEL = "activation.kernel";
const KERNEL_SHAPE = "activation.kernel.shape";
const MAP = "activation.map";

/**
 * Opens a verified model with its activation map as an output: the file itself, whose digest was checked, with two
 * operations behind it that read the feature map place by place with the weights that read its mean. About a tenth of a
 * second and the memory of another session, so only where explanations are asked for.
 *
 * @param threads intra-op threads
 * @throws ModelError `missing` when model.json does not say where the features are, `corrupt` or `wrong-shape`
 */
export const createExplainer = async (
  model: { readonly metadata: ModelMetadata; readonly onnx: Uint8Array },
  threads: number,
): Promise<Explainer> => {
  const { metadata } = model;
  const { activation, labels, preprocessing } = metadata;
  if (!activation) {
    throw new ModelError(
      "missing",
      `model ${metadata.version} is of an older training and cannot explain its answers; train again.`,
    );
  }
  const { features, embedding, weights } = activation;
  const session = await openSession(
    addToGraph(model.onnx, {
      nodes: [
        { opType: "Reshape", inputs: [weights, KERNEL_SHAPE], output: KERNEL },
        { opType: "Conv", inputs: [features, KERNEL], output: MAP },
      ],
      // Labels and channels as they are, and a window of one place.
      constants: { [KERNEL_SHAPE]: [0, 0, 1, 1] },
      outputs: [features, embedding, MAP],
    }),
    threads,
  );
  const pack = createPacker(preprocessing);
  const side = preprocessing.inputSize;
  const size = 3 * side * side;

  const explain = async (batch: readonly Uint8Array[]): Promise<Explanation[]> => {
    if (batch.length === 0) return [];
    const values = new Float32Array(batch.length * size);
    for (const [row, pixels] of batch.entries()) pack(pixels, values, row * size);
    const input = new ort.Tensor("float32", values, [batch.length, 3, side, side]);
    const results = await session.run({ [metadata.input.name]: input });
    const rowsOf = (
      name: string,
      rank: number,
    ): { dims: readonly number[]; data: Float32Array } => {
      const tensor = results[name];
      if (tensor?.data instanceof Float32Array && tensor.dims.length === rank) {
        return { dims: tensor.dims, data: tensor.data };
      }
      throw new ModelError("wrong-shape", `${name} has the shape ${tensor?.dims}; train again.`);
    };
    const row = ({ data }: { readonly data: Float32Array }, index: number): Float32Array => {
      const width = data.length / batch.length;
      return data.slice(index * width, (index + 1) * width);
    };
    const maps = rowsOf(MAP, 4);
    const [, , height = 0, width = 0] = maps.dims;
    const [featureMaps, embeddings] = [rowsOf(features, 4), rowsOf(embedding, 2)];
    const { data: scores } = rowsOf(metadata.output.name, 2);
    return batch.map((_, index) => {
      const places = row(maps, index);
      const area = width * height;
      const byLabel = labels.map((label, i) => [label, places.slice(i * area, (i + 1) * area)]);
      return {
        prediction: predictionAt(labels, scores, index),
        map: { width, height, scores: Object.fromEntries(byLabel) },
        embedding: row(embeddings, index),
        features: row(featureMaps, index),
      };
    });
  };
  return { metadata, explain, release: () => session.release() };
};
