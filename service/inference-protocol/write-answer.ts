import type { z } from "zod";
import type { Prediction } from "../../model/classifier.ts";
import type { ModelMetadata } from "../../model/metadata.ts";
import type { Asked } from "./read-request.ts";
import { DATATYPE, type inferenceAnswerSchema, type modelMetadataAnswerSchema } from "./schemas.ts";

/** How the protocol counts what a model.json leaves open: the number of photos. */
const protocolShape = (shape: readonly (number | null)[]): number[] =>
  shape.map((side) => side ?? -1);

/**
 * The protocol's description of a model, with what a client needs to make a tensor and to name its scores.
 *
 * @param versions those of its name that answer
 */
export const describeModel = (
  model: ModelMetadata,
  versions: string[],
): z.infer<typeof modelMetadataAnswerSchema> => ({
  name: model.name,
  versions,
  platform: "onnxruntime_onnx",
  inputs: [{ name: model.input.name, datatype: DATATYPE, shape: protocolShape(model.input.shape) }],
  outputs: [
    { name: model.output.name, datatype: DATATYPE, shape: protocolShape(model.output.shape) },
  ],
  // The protocol's parameters are strings, numbers and booleans only.
  parameters: {
    digest: model.digest,
    labels: JSON.stringify(model.labels),
    preprocessing: JSON.stringify(model.preprocessing),
    split_digest: model.training.splitDigest,
    git_commit: model.build.gitCommit,
  },
});

/** An answer's body; the length of its JSON where bytes follow it. */
export type InferenceAnswer = {
  readonly body: Buffer<ArrayBuffer>;
  readonly jsonBytes?: number;
};

/** Writes the answer of a model in the form that was asked for. */
export const writeInferenceAnswer = (
  predictions: readonly Prediction[],
  { name, version, digest, labels, output }: ModelMetadata,
  { id, binary }: Asked,
): InferenceAnswer => {
  const scores = Float32Array.from(
    predictions.flatMap(({ probabilities }) => labels.map((label) => probabilities[label] ?? 0)),
  );
  const answer: z.infer<typeof inferenceAnswerSchema> = {
    model_name: name,
    model_version: version,
    ...(id !== undefined && { id }),
    parameters: { digest },
    outputs: [
      {
        name: output.name,
        datatype: DATATYPE,
        shape: [predictions.length, labels.length],
        ...(binary
          ? { parameters: { binary_data_size: scores.byteLength } }
          : { data: [...scores] }),
      },
    ],
  };
  const json = Buffer.from(JSON.stringify(answer));
  if (!binary) return { body: json };
  return { body: Buffer.concat([json, Buffer.from(scores.buffer)]), jsonBytes: json.length };
};
