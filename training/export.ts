import {
  BACKBONE_INPUT,
  EMBEDDING,
  EMBEDDING_SIZE,
  LOGITS,
} from "./backbone/efficientnet-lite0.ts";
import {
  addFloats,
  addNode,
  decodeModel,
  describeTensor,
  encodeModel,
  inputsOf,
} from "./backbone/onnx.ts";
import type { Head } from "./head/head.ts";

/** Names of the exported graph's border. */
export const MODEL_INPUT = BACKBONE_INPUT;
export const MODEL_OUTPUT = "probabilities";

/**
 * One graph from pixels to probabilities: the backbone without its ImageNet classifier, the head, softmax. The batch is
 * free. The same backbone and head give the same bytes.
 */
export const mergeModel = (backbone: Uint8Array, head: Head): Uint8Array => {
  const graph = decodeModel(backbone);
  const classifier = new Set(inputsOf(graph, LOGITS).filter((name) => name !== EMBEDDING));
  graph.node = graph.node.filter((node) => !node.output?.includes(LOGITS));
  graph.initializer = graph.initializer.filter((tensor) => !classifier.has(tensor.name ?? ""));

  const labels = head.bias.length;
  addFloats(graph, "head.weight", [labels, EMBEDDING_SIZE], Float32Array.from(head.weights));
  addFloats(graph, "head.bias", [labels], Float32Array.from(head.bias));
  addNode(graph, "Gemm", [EMBEDDING, "head.weight", "head.bias"], "scores", { transB: 1 });
  addNode(graph, "Softmax", ["scores"], MODEL_OUTPUT, { axis: 1 });
  graph.output = [describeTensor(MODEL_OUTPUT, ["n", labels])];
  return encodeModel("image-classifier", graph);
};
