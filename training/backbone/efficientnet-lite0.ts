import { EFFICIENTNET_LITE0_PREPROCESSING } from "../../model/preprocessing-settings.ts";
import { addFloats, addNode, describeTensor, emptyGraph, encodeModel, type Graph } from "./onnx.ts";
import type { StateDict, WeightTensor } from "./state-dict.ts";

/** Names of the graph's border. */
export const BACKBONE_INPUT = "input";
export const EMBEDDING = "embedding";
export const LOGITS = "logits";
export const EMBEDDING_SIZE = 1280;

/** Stages of the network (Tan and Le 2019, table 1; the lite variant drops squeeze-and-excitation and swish). */
const STAGES = [
  { repeats: 1, stride: 1, expand: 1 },
  { repeats: 2, stride: 2, expand: 6 },
  { repeats: 2, stride: 2, expand: 6 },
  { repeats: 3, stride: 2, expand: 6 },
  { repeats: 3, stride: 1, expand: 6 },
  { repeats: 4, stride: 2, expand: 6 },
  { repeats: 1, stride: 1, expand: 6 },
] as const;
const BATCH_NORM_EPSILON = 1e-3;

const weight = (state: StateDict, name: string): WeightTensor => {
  const tensor = state.get(name);
  if (!tensor) throw new Error(`the checkpoint lacks ${name}`);
  return tensor;
};

/** Folds a BatchNorm into the convolution before it, in double precision: one operation instead of two. */
const fold = (state: StateDict, convolution: string, norm: string) => {
  const { dims, data } = weight(state, `${convolution}.weight`);
  const [gamma, beta, mean, variance] = ["weight", "bias", "running_mean", "running_var"].map(
    (part) => weight(state, `${norm}.${part}`).data,
  ) as [Float32Array, Float32Array, Float32Array, Float32Array];
  const perChannel = data.length / gamma.length;
  const bias = new Float32Array(gamma.length);
  const scaled = new Float32Array(data.length);
  for (const [channel, value] of gamma.entries()) {
    const scale = value / Math.sqrt((variance[channel] as number) + BATCH_NORM_EPSILON);
    bias[channel] = (beta[channel] as number) - (mean[channel] as number) * scale;
    for (let i = channel * perChannel; i < (channel + 1) * perChannel; i++) {
      scaled[i] = (data[i] as number) * scale;
    }
  }
  return { dims, weights: scaled, bias };
};

/** TensorFlow's SAME padding for an even side: what is odd goes to the bottom and right. */
const samePadding = (kernel: number, stride: number): number[] => {
  const total = kernel - stride;
  const before = Math.floor(total / 2);
  return [before, before, total - before, total - before];
};

type Convolution = {
  readonly from: string;
  /** Names in the checkpoint. */
  readonly convolution: string;
  readonly norm: string;
  readonly stride?: number;
  readonly depthwise?: boolean;
  readonly activation?: boolean;
};

/** Adds convolution, folded BatchNorm and, unless told, ReLU6 (as Clip: ONNX Runtime fuses both into one kernel). */
const addConvolution = (graph: Graph, state: StateDict, options: Convolution): string => {
  const { from, convolution, norm, stride = 1, depthwise = false, activation = true } = options;
  const { dims, weights, bias } = fold(state, convolution, norm);
  const [channels = 0, , kernel = 1] = dims;
  const output = addNode(
    graph,
    "Conv",
    [
      from,
      addFloats(graph, `${convolution}.weight`, dims, weights),
      addFloats(graph, `${convolution}.bias`, [channels], bias),
    ],
    convolution,
    {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: kernel === 1 ? [0, 0, 0, 0] : samePadding(kernel, stride),
      group: depthwise ? channels : 1,
    },
  );
  return activation
    ? addNode(graph, "Clip", [output, "zero", "six"], `${convolution}.relu6`)
    : output;
};

const addBlock = (
  graph: Graph,
  state: StateDict,
  block: {
    readonly from: string;
    readonly index: number;
    readonly stride: number;
    readonly expand: number;
  },
): string => {
  const name = `_blocks.${block.index}`;
  let x = block.from;
  if (block.expand > 1) {
    x = addConvolution(graph, state, {
      from: x,
      convolution: `${name}._expand_conv`,
      norm: `${name}._bn0`,
    });
  }
  x = addConvolution(graph, state, {
    from: x,
    convolution: `${name}._depthwise_conv`,
    norm: `${name}._bn1`,
    stride: block.stride,
    depthwise: true,
  });
  return addConvolution(graph, state, {
    from: x,
    convolution: `${name}._project_conv`,
    norm: `${name}._bn2`,
    activation: false,
  });
};

/**
 * EfficientNet-lite0 as an ONNX graph: input `input` [n,3,224,224], outputs `embedding` [n,1280] and `logits` [n,1000].
 * The same weights give the same bytes.
 */
export const buildEfficientNetLite0 = (state: StateDict): Uint8Array => {
  const side = EFFICIENTNET_LITE0_PREPROCESSING.inputSize;
  const graph = emptyGraph();
  graph.input.push(describeTensor(BACKBONE_INPUT, ["n", 3, side, side]));
  addFloats(graph, "zero", [], Float32Array.of(0));
  addFloats(graph, "six", [], Float32Array.of(6));

  let x = addConvolution(graph, state, {
    from: BACKBONE_INPUT,
    convolution: "_conv_stem",
    norm: "_bn0",
    stride: 2,
  });
  let index = 0;
  for (const { repeats, stride, expand } of STAGES) {
    for (let repeat = 0; repeat < repeats; repeat++, index++) {
      const first = repeat === 0;
      const block = { from: x, index, stride: first ? stride : 1, expand };
      const projected = addBlock(graph, state, block);
      x = first ? projected : addNode(graph, "Add", [projected, x], `_blocks.${index}.sum`);
    }
  }
  x = addConvolution(graph, state, { from: x, convolution: "_conv_head", norm: "_bn1" });
  x = addNode(graph, "GlobalAveragePool", [x], "pooled");
  x = addNode(graph, "Flatten", [x], EMBEDDING, { axis: 1 });

  const [rows, offsets] = [weight(state, "_fc.weight"), weight(state, "_fc.bias")];
  addFloats(graph, "_fc.weight", rows.dims, rows.data);
  addFloats(graph, "_fc.bias", offsets.dims, offsets.data);
  addNode(graph, "Gemm", [x, "_fc.weight", "_fc.bias"], LOGITS, { transB: 1 });
  graph.output.push(describeTensor(EMBEDDING, ["n", EMBEDDING_SIZE]));
  graph.output.push(describeTensor(LOGITS, ["n", rows.dims[0] ?? 0]));
  return encodeModel("efficientnet-lite0", graph);
};
