import onnxProto from "onnx-proto";
import { digestOf } from "../digest.ts";
import type { ModelMetadata } from "../metadata.ts";
import { EFFICIENTNET_LITE0_PREPROCESSING } from "../preprocessing-settings.ts";

const { onnx } = onnxProto;
const FLOAT = onnx.TensorProto.DataType.FLOAT;
const SIDE = 16;

const tensor = (name: string, dims: number[], floatData: number[]) => ({
  name,
  dims,
  dataType: FLOAT,
  floatData,
});
const border = (name: string, dims: (number | string)[]) => ({
  name,
  type: {
    tensorType: {
      elemType: FLOAT,
      shape: {
        dim: dims.map((dim) => (typeof dim === "number" ? { dimValue: dim } : { dimParam: dim })),
      },
    },
  },
});

/** A graph of five nodes for tests: softmax over 4 · (mean blue, mean red), so that blue is label 0 and red label 1. */
export const stubOnnx = (): Uint8Array =>
  onnx.ModelProto.encode({
    irVersion: 8,
    opsetImport: [{ domain: "", version: 15 }],
    graph: {
      name: "stub",
      input: [border("input", ["n", 3, SIDE, SIDE])],
      output: [border("probabilities", ["n", 2])],
      initializer: [tensor("weight", [2, 3], [0, 0, 4, 4, 0, 0]), tensor("bias", [2], [0, 0])],
      node: [
        { opType: "Identity", input: ["input"], output: ["features"] },
        { opType: "GlobalAveragePool", input: ["features"], output: ["pooled"] },
        { opType: "Flatten", input: ["pooled"], output: ["flat"] },
        {
          opType: "Gemm",
          input: ["flat", "weight", "bias"],
          output: ["scores"],
          attribute: [{ name: "transB", type: onnx.AttributeProto.AttributeType.INT, i: 1 }],
        },
        { opType: "Softmax", input: ["scores"], output: ["probabilities"] },
      ],
    },
  }).finish();

/** Metadata that fits the stub graph. */
export const stubMetadata = (digest = digestOf(stubOnnx())): ModelMetadata => ({
  schemaVersion: 1,
  name: "stub",
  version: digest.slice(7, 19),
  digest,
  labels: ["cat", "dog"],
  input: { name: "input", shape: [null, 3, SIDE, SIDE] },
  output: { name: "probabilities", shape: [null, 2] },
  preprocessing: { ...EFFICIENTNET_LITE0_PREPROCESSING, inputSize: SIDE, resizeTo: SIDE + 2 },
  backbone: { name: "stub", source: "test", digest, licence: "Apache-2.0" },
  training: {
    source: "sample",
    seed: 1,
    splitDigest: digest,
    counts: { train: 8, val: 1, test: 1 },
    hyperparameters: { pull: 1 },
    provenance: {},
  },
  metrics: {
    test: { accuracy: 1, interval: [0.2, 1], count: 1 },
    macro: { precision: 1, recall: 1, f1: 1 },
    perClass: { cat: { precision: 1, recall: 1, f1: 1, support: 1 } },
    logLoss: 0,
    calibrationError: 0,
  },
  golden: [],
  activation: { features: "features", embedding: "flat", weights: "weight" },
  build: { gitCommit: "unknown", libraries: {} },
});
