import * as ort from "onnxruntime-node";
import type { ModelMetadata } from "./metadata.ts";
import { ModelError } from "./model-error.ts";
import { createPacker, decodePixels } from "./preprocessing.ts";

/** The answer for one image: the most probable label, and the probability of each label in the model's order. */
export type Prediction = {
  readonly label: string;
  readonly probability: number;
  readonly probabilities: Readonly<Record<string, number>>;
};

/** A loaded model. `classify` must not be called while an earlier call with the same tensor is under way. */
export type Classifier = {
  readonly metadata: ModelMetadata;
  /** Decodes one photo to the model's input pixels (HWC bytes). @throws ImageError */
  decode(bytes: Uint8Array): Promise<Uint8Array>;
  /** Runs the network on decoded photos, one prediction each, in order. */
  classify(batch: readonly Uint8Array[]): Promise<Prediction[]>;
  /** Runs the network on photos that are normalised already (NCHW), one prediction each, in order. */
  classifyTensor(tensor: Float32Array): Promise<Prediction[]>;
  release(): Promise<void>;
};

const checkShape = (session: ort.InferenceSession, metadata: ModelMetadata): void => {
  const { input, output } = metadata;
  if (!session.inputNames.includes(input.name) || !session.outputNames.includes(output.name)) {
    throw new ModelError(
      "wrong-shape",
      `the model has inputs ${session.inputNames} and outputs ${session.outputNames}, but model.json says ${input.name} and ${output.name}; train again.`,
    );
  }
};

/**
 * Opens a network in ONNX Runtime.
 *
 * @param threads intra-op threads. Explicit, because the default is one for each core of the host, whatever the
 *   container's limit.
 * @param more whether each run's memory is planned in one block: faster for small networks, larger for large ones
 * @throws ModelError `corrupt`
 */
export const openSession = async (
  onnx: Uint8Array,
  threads: number,
  more: Pick<ort.InferenceSession.SessionOptions, "enableMemPattern"> = {},
): Promise<ort.InferenceSession> => {
  try {
    return await ort.InferenceSession.create(onnx, {
      ...more,
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: "sequential",
      graphOptimizationLevel: "all",
    });
  } catch (error) {
    throw new ModelError("corrupt", "model.onnx cannot be loaded by ONNX Runtime; train again.", {
      cause: error,
    });
  }
};

/** The prediction in one row of the network's output. */
export const predictionAt = (
  labels: readonly string[],
  scores: Float32Array,
  row: number,
): Prediction => {
  let best = 0;
  const probabilities: Record<string, number> = {};
  labels.forEach((label, index) => {
    const score = scores[row * labels.length + index] as number;
    probabilities[label] = score;
    if (score > (scores[row * labels.length + best] as number)) best = index;
  });
  const label = labels[best] as string;
  return { label, probability: probabilities[label] as number, probabilities };
};

/**
 * Creates an ONNX Runtime session for a verified model and warms it up with one empty image, which also proves its shapes.
 *
 * @param threads see `openSession`
 * @throws ModelError `corrupt` (not an ONNX graph) or `wrong-shape`
 */
export const createClassifier = async (
  model: { readonly metadata: ModelMetadata; readonly onnx: Uint8Array },
  threads: number,
): Promise<Classifier> => {
  const { metadata } = model;
  const session = await openSession(model.onnx, threads);
  checkShape(session, metadata);

  const { labels, preprocessing } = metadata;
  const pack = createPacker(preprocessing);
  const side = preprocessing.inputSize;
  const size = 3 * side * side;
  // One buffer for each batch in flight: the run is deferred, so a shared one would be overwritten by the next call.
  const free: Float32Array[] = [];

  const classifyTensor = async (values: Float32Array): Promise<Prediction[]> => {
    const count = values.length / size;
    const tensor = new ort.Tensor("float32", values, [count, 3, side, side]);
    const results = await session.run({ [metadata.input.name]: tensor });
    const scores = results[metadata.output.name];
    if (!(scores?.data instanceof Float32Array) || scores.data.length !== count * labels.length) {
      throw new ModelError(
        "wrong-shape",
        `the model answered ${scores?.dims} for ${count} images and ${labels.length} labels; train again.`,
      );
    }
    const data = scores.data;
    return Array.from({ length: count }, (_, row) => predictionAt(labels, data, row));
  };

  const classify = async (batch: readonly Uint8Array[]): Promise<Prediction[]> => {
    const needed = batch.length * size;
    const index = free.findIndex((buffer) => buffer.length >= needed);
    const buffer = free.splice(index, index < 0 ? 0 : 1)[0] ?? new Float32Array(needed);
    try {
      for (const [row, pixels] of batch.entries()) pack(pixels, buffer, row * size);
      return await classifyTensor(buffer.subarray(0, needed));
    } finally {
      free.push(buffer);
    }
  };

  const release = (): Promise<void> => session.release();
  try {
    await classify([new Uint8Array(size)]);
  } catch (error) {
    await release();
    if (error instanceof ModelError) throw error;
    throw new ModelError("wrong-shape", "the model refuses its declared input; train again.", {
      cause: error,
    });
  }
  const decode: Classifier["decode"] = (bytes) => decodePixels(bytes, preprocessing);
  return { metadata, decode, classify, classifyTensor, release };
};
