import { EFFICIENTNET_LITE0_PREPROCESSING } from "../../model/preprocessing-settings.ts";
import {
  BACKBONE_INPUT,
  EMBEDDING,
  EMBEDDING_SIZE,
  LOGITS,
} from "../backbone/efficientnet-lite0.ts";
import { addFloats, addNode, describeTensor, emptyGraph, encodeModel } from "../backbone/onnx.ts";
import { createRandom } from "../random.ts";

const CLASSES = 1000;

/** Side of a square of the picture that is one place of the feature map. */
const PLACE = 32;

/**
 * A graph with the backbone's border and random weights: a feature map of 7 × 7 places is a projection of each one's mean
 * colour, and the embedding its mean.
 */
export const stubBackbone = (): Uint8Array => {
  const random = createRandom("stub backbone");
  const floats = (count: number): Float32Array =>
    Float32Array.from({ length: count }, () => random.between(-0.1, 0.1));
  const side = EFFICIENTNET_LITE0_PREPROCESSING.inputSize;
  const graph = emptyGraph();
  graph.input.push(describeTensor(BACKBONE_INPUT, ["n", 3, side, side]));
  const area = PLACE ** 2;
  addFloats(graph, "mean", [3, 1, PLACE, PLACE], new Float32Array(3 * area).fill(1 / area));
  addFloats(graph, "none", [3], new Float32Array(3));
  const square = [PLACE, PLACE];
  addNode(graph, "Conv", [BACKBONE_INPUT, "mean", "none"], "colour", {
    kernel_shape: square,
    strides: square,
    group: 3,
  });
  addFloats(graph, "projection", [EMBEDDING_SIZE, 3, 1, 1], floats(EMBEDDING_SIZE * 3));
  addFloats(graph, "shift", [EMBEDDING_SIZE], floats(EMBEDDING_SIZE));
  addNode(graph, "Conv", ["colour", "projection", "shift"], "projected", { kernel_shape: [1, 1] });
  addNode(graph, "GlobalAveragePool", ["projected"], "pooled");
  addNode(graph, "Flatten", ["pooled"], EMBEDDING, { axis: 1 });
  addFloats(graph, "_fc.weight", [CLASSES, EMBEDDING_SIZE], floats(CLASSES * EMBEDDING_SIZE));
  addFloats(graph, "_fc.bias", [CLASSES], floats(CLASSES));
  addNode(graph, "Gemm", [EMBEDDING, "_fc.weight", "_fc.bias"], LOGITS, { transB: 1 });
  graph.output.push(describeTensor(EMBEDDING, ["n", EMBEDDING_SIZE]));
  graph.output.push(describeTensor(LOGITS, ["n", CLASSES]));
  return encodeModel("stub", graph);
};
