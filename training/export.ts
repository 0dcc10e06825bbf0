import type { ModelMetadata } from "../model/metadata.ts";
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
  type Graph,
  inputsOf,
} from "./backbone/onnx.ts";
import type { Head } from "./head/head.ts";

/** Names of the exported graph's border. */
export const MODEL_INPUT = BACKBONE_INPUT;
export const MODEL_OUTPUT = "probabilities";

/** What model.json says of where the graph holds what explains an answer. */
export const ACTIVATION = {
  features: "features",
  embedding: EMBEDDING,
  weights: "head.weight",
} as const satisfies ModelMetadata["activation"];

/** Gives the last feature map a name that it keeps in integers, too: an operation that ONNX Runtime drops. */
const nameFeatures = (graph: Graph): void => {
  const at = graph.node.findIndex(({ opType }) => opType === "GlobalAveragePool");
  const pooling = graph.node[at];
  const [last] = pooling?.input ?? [];
  if (!pooling || last === undefined) throw new Error("the backbone does not pool its features");
  const behind = graph.node.splice(at + 1);
  graph.node.pop();
  addNode(graph, "Identity", [last], ACTIVATION.features);
  graph.node.push({ ...pooling, input: [ACTIVATION.features] }, ...behind);
};

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
  nameFeatures(graph);
  addFloats(graph, ACTIVATION.weights, [labels, EMBEDDING_SIZE], Float32Array.from(head.weights));
  addFloats(graph, "head.bias", [labels], Float32Array.from(head.bias));
  addNode(graph, "Gemm", [EMBEDDING, ACTIVATION.weights, "head.bias"], "scores", { transB: 1 });
  addNode(graph, "Softmax", ["scores"], MODEL_OUTPUT, { axis: 1 });
  graph.output = [describeTensor(MODEL_OUTPUT, ["n", labels])];
  return encodeModel("image-classifier", graph);
};
