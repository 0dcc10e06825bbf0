import { EMBEDDING_SIZE, LOGITS } from "./backbone/efficientnet-lite0.ts";
import {
  addFloats,
  addIntegers,
  addNode,
  constantOf,
  decodeModel,
  describeTensor,
  emptyGraph,
  encodeModel,
  inputsOf,
} from "./backbone/onnx.ts";

const STEPS = 127;
const FEATURES = "features";

/**
 * The backbone's own classifier as a graph of its own, which reads a feature map. Weights are bytes with a scale for each
 * class: a quarter of the size, and the backbone's own answer but for near ties. The same backbone gives the same bytes.
 */
export const exportReadOut = (backbone: Uint8Array): Uint8Array => {
  const from = decodeModel(backbone);
  const [, weightsName = "", biasName = ""] = inputsOf(from, LOGITS);
  const { data: weights } = constantOf(from, weightsName);
  const { data: bias } = constantOf(from, biasName);
  const classes = bias.length;
  const integers = new Int8Array(weights.length);
  const scales = new Float32Array(classes);
  for (let row = 0; row < classes; row++) {
    const [start, end] = [row * EMBEDDING_SIZE, (row + 1) * EMBEDDING_SIZE];
    const largest = weights
      .subarray(start, end)
      .reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const scale = Math.fround(largest > 0 ? largest / STEPS : 1);
    scales[row] = scale;
    for (let i = start; i < end; i++) {
      const step = Math.round((weights[i] as number) / scale);
      integers[i] = Math.max(-STEPS, Math.min(STEPS, step));
    }
  }
  const graph = emptyGraph();
  graph.input.push(describeTensor(FEATURES, ["n", EMBEDDING_SIZE, "height", "width"]));
  const constants = [
    addIntegers(graph, "integers", [classes, EMBEDDING_SIZE, 1, 1], integers),
    addFloats(graph, "scale", [classes], scales),
    addIntegers(graph, "zero", [classes], new Int8Array(classes)),
  ];
  const kernel = addNode(graph, "DequantizeLinear", constants, "kernel", { axis: 0 });
  const offsets = addFloats(graph, "bias", [classes], bias);
  addNode(graph, "GlobalAveragePool", [FEATURES], "mean");
  addNode(graph, "Conv", ["mean", kernel, offsets], "scores", { kernel_shape: [1, 1] });
  addNode(graph, "Flatten", ["scores"], "logits", { axis: 1 });
  graph.output.push(describeTensor("logits", ["n", classes]));
  return encodeModel("imagenet-read-out", graph);
};
