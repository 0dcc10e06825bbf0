import { EFFICIENTNET_LITE0_PREPROCESSING } from "../../model/preprocessing.ts";
import {
  BACKBONE_INPUT,
  EMBEDDING,
  EMBEDDING_SIZE,
  LOGITS,
} from "../backbone/efficientnet-lite0.ts";
import { addFloats, addNode, describeTensor, emptyGraph, encodeModel } from "../backbone/onnx.ts";
import { createRandom } from "../random.ts";

const CLASSES = 1000;

/** A graph with the backbone's border and random weights: the embedding is a projection of the picture's mean colour. */
export const stubBackbone = (): Uint8Array => {
  const random = createRandom("stub backbone");
  const floats = (count: number): Float32Array =>
    Float32Array.from({ length: count }, () => random.between(-0.1, 0.1));
  const side = EFFICIENTNET_LITE0_PREPROCESSING.inputSize;
  const graph = emptyGraph();
  graph.input.push(describeTensor(BACKBONE_INPUT, ["n", 3, side, side]));
  addNode(graph, "GlobalAveragePool", [BACKBONE_INPUT], "pooled");
  addNode(graph, "Flatten", ["pooled"], "colour", { axis: 1 });
  addFloats(graph, "projection", [EMBEDDING_SIZE, 3], floats(EMBEDDING_SIZE * 3));
  addFloats(graph, "shift", [EMBEDDING_SIZE], floats(EMBEDDING_SIZE));
  addNode(graph, "Gemm", ["colour", "projection", "shift"], EMBEDDING, { transB: 1 });
  addFloats(graph, "_fc.weight", [CLASSES, EMBEDDING_SIZE], floats(CLASSES * EMBEDDING_SIZE));
  addFloats(graph, "_fc.bias", [CLASSES], floats(CLASSES));
  addNode(graph, "Gemm", [EMBEDDING, "_fc.weight", "_fc.bias"], LOGITS, { transB: 1 });
  graph.output.push(describeTensor(EMBEDDING, ["n", EMBEDDING_SIZE]));
  graph.output.push(describeTensor(LOGITS, ["n", CLASSES]));
  return encodeModel("stub", graph);
};
