import {
  addFloats,
  addIntegers,
  addNode,
  constantOf,
  decodeModel,
  emptyGraph,
  encodeModel,
  type Graph,
  type Node,
} from "../backbone/onnx.ts";

/** What values a tensor takes. */
type Range = { readonly min: number; readonly max: number };

/** What calibration noted of a tensor. */
export type Statistics = Range & {
  /** Mean of each channel. */
  readonly means: readonly number[];
};

/** How a number becomes a byte: `number = scale * (byte - zeroPoint)`. */
type Affine = { readonly scale: number; readonly zeroPoint: number };

const BYTE_STEPS = 255;
/**
 * Steps to each side of zero for the weights of ordinary convolutions. Not 127: processors with AVX2 but without VNNI add
 * two products of a byte and a weight in 16 bits, which 2 · 255 · 127 overflows without a word and 2 · 255 · 64 does
 * not. A model goes to machines of which training knows nothing, and must answer alike on all of them.
 */
const STEPS = 64;
/** The same for depthwise convolutions, whose kernels widen before they add: there all eight bits are safe. */
const DEPTHWISE_STEPS = 127;
/** Greatest bias in steps of its own scale: half of what 32 bits hold, because sums are added to it. */
const BIAS_STEPS = 2 ** 30;
/** For channels of zeros, whose scale would be none. */
const LEAST_SCALE = 1e-12;

/** The whole range in 255 steps, with zero on a step: what pads a picture must not become something else. */
const affineOf = (range: Range): Affine => {
  const [min, max] = [Math.min(0, range.min), Math.max(0, range.max)];
  const scale = Math.fround(max > min ? (max - min) / BYTE_STEPS : 1);
  return { scale, zeroPoint: Math.round(-min / scale) };
};

const outputOf = (node: Node): string => node.output?.[0] ?? "";

/** The Clip that alone reads what a node makes: it falls away, because bytes end at its bounds by themselves. */
const clipBehind = (graph: Graph, node: Node): Node | undefined => {
  const readers = graph.node.filter(({ input }) => input?.includes(outputOf(node)));
  return readers.length === 1 && readers[0]?.opType === "Clip" ? readers[0] : undefined;
};

const clipped = (graph: Graph, { input }: Node, range: Range): Range => {
  const [low, high] = [1, 2].map((i) => constantOf(graph, input?.[i] ?? "").data[0]);
  return {
    min: Math.max(low ?? range.min, range.min),
    max: Math.min(high ?? range.max, range.max),
  };
};

/** The tensors whose ranges must be known: inputs, and what convolutions and sums make. */
export const quantisedTensors = (graph: Graph): string[] => [
  ...graph.input.map(({ name }) => name ?? ""),
  ...graph.node
    .filter(({ opType }) => opType === "Conv" || opType === "Add")
    .map((node) => outputOf(clipBehind(graph, node) ?? node)),
];

/** What a convolution reads. */
type Input = { readonly scale: number; readonly means: readonly number[] };

/**
 * A convolution's constants in integers: weights symmetric about zero with a scale for each output channel, bias in
 * steps of input scale times weight scale (Jacob et al. 2018, section 2.4). What rounding the weights adds to a channel's
 * mean is taken off its bias (Nagel et al. 2019, section 4.2, with means that calibration measured).
 */
const quantiseConstants = (from: Graph, to: Graph, node: Node, input: Input): string[] => {
  const [, w = "", b = ""] = node.input ?? [];
  const { dims, data: weights } = constantOf(from, w);
  const { data: bias } = constantOf(from, b);
  const channels = dims[0] ?? 0;
  const size = weights.length / channels;
  const depthwise = dims[1] === 1;
  const steps = depthwise ? DEPTHWISE_STEPS : STEPS;
  const area = (dims[2] ?? 1) * (dims[3] ?? 1);
  const scales = new Float32Array(channels);
  const integers = new Int8Array(weights.length);
  const biasScales = new Float32Array(channels);
  const biasIntegers = new Int32Array(channels);
  for (const [channel, offset] of bias.entries()) {
    const row = weights.subarray(channel * size, (channel + 1) * size);
    const largest = row.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const scale = Math.fround(
      Math.max(largest / steps, Math.abs(offset) / (input.scale * BIAS_STEPS), LEAST_SCALE),
    );
    let shift = 0;
    row.forEach((value, i) => {
      // What the scale's own rounding would carry beyond the last step stays on it.
      const step = Math.max(-steps, Math.min(steps, Math.round(value / scale)));
      integers[channel * size + i] = step;
      const mean = input.means[depthwise ? channel : Math.floor(i / area)] ?? 0;
      shift += (step * scale - value) * mean;
    });
    scales[channel] = scale;
    const biasScale = Math.fround(input.scale * scale);
    biasScales[channel] = biasScale;
    biasIntegers[channel] = Math.round((offset - shift) / biasScale);
  }
  const read = (
    name: string,
    shape: readonly number[],
    data: Int8Array | Int32Array,
    scale: Float32Array,
  ) => {
    addIntegers(to, `${name}.integers`, shape, data);
    addFloats(to, `${name}.scale`, [channels], scale);
    const zero = data instanceof Int8Array ? new Int8Array(channels) : new Int32Array(channels);
    addIntegers(to, `${name}.zero`, [channels], zero);
    const inputs = [`${name}.integers`, `${name}.scale`, `${name}.zero`];
    return addNode(to, "DequantizeLinear", inputs, `${name}.read`, { axis: 0 });
  };
  return [read(w, dims, integers, scales), read(b, [channels], biasIntegers, biasScales)];
};

/**
 * Writes a graph's convolutions and sums in 8-bit integers: QuantizeLinear and DequantizeLinear around each, which ONNX
 * Runtime turns into integer kernels. Activations are unsigned with a scale for each tensor, weights signed with one for
 * each channel; all else, the head above all, stays in floats. The graph must be folded before: what stands
 * between a convolution and its bytes (BatchNorm, Pad) would cost more than integers save. The same graph and statistics give
 * the same bytes.
 *
 * @param statistics of every one of `quantisedTensors`
 */
export const quantise = (
  model: Uint8Array,
  statistics: ReadonlyMap<string, Statistics>,
): Uint8Array => {
  const from = decodeModel(model);
  const to: Graph = { ...emptyGraph(), input: from.input, output: from.output };
  const scales = new Map<string, number>();
  const statisticsOf = (tensor: string): Statistics => {
    const known = statistics.get(tensor);
    if (!known) throw new Error(`the range of ${tensor} is not known`);
    return known;
  };
  const passThroughBytes = (tensor: string, range: Range): void => {
    const { scale, zeroPoint } = affineOf(range);
    scales.set(tensor, scale);
    const about = [
      addFloats(to, `${tensor}.scale`, [], Float32Array.of(scale)),
      addIntegers(to, `${tensor}.zero`, [], Uint8Array.of(zeroPoint)),
    ];
    const bytes = addNode(to, "QuantizeLinear", [tensor, ...about], `${tensor}.bytes`);
    addNode(to, "DequantizeLinear", [bytes, ...about], `${tensor}.read`);
  };
  const read = (tensor: string): string => (scales.has(tensor) ? `${tensor}.read` : tensor);

  for (const { name } of from.input) passThroughBytes(name ?? "", statisticsOf(name ?? ""));
  const dropped = new Set<Node>();
  for (const node of from.node) {
    if (dropped.has(node)) continue;
    const [x = ""] = node.input ?? [];
    if (node.opType === "Conv") {
      const scale = scales.get(x);
      if (scale === undefined) throw new Error(`${x}, which ${node.name} reads, has no bytes`);
      const constants = quantiseConstants(from, to, node, {
        scale,
        means: statisticsOf(x).means,
      });
      const clip = clipBehind(from, node);
      const output = outputOf(clip ?? node);
      to.node.push({ ...node, input: [read(x), ...constants], output: [output] });
      if (clip) dropped.add(clip);
      passThroughBytes(
        output,
        clip ? clipped(from, clip, statisticsOf(output)) : statisticsOf(output),
      );
    } else {
      to.node.push({ ...node, input: (node.input ?? []).map(read) });
      if (node.opType === "Add") passThroughBytes(outputOf(node), statisticsOf(outputOf(node)));
    }
  }
  const used = new Set(to.node.flatMap(({ input }) => input ?? []));
  to.initializer.push(...from.initializer.filter(({ name }) => used.has(name ?? "")));
  return encodeModel("image-classifier-int8", to);
};
