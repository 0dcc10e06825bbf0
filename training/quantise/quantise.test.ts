import * as ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { EFFICIENTNET_LITE0_PREPROCESSING } from "../../model/preprocessing-settings.ts";
import {
  addFloats,
  addNode,
  decodeModel,
  describeTensor,
  emptyGraph,
  encodeModel,
  type Graph,
} from "../backbone/onnx.ts";
import { createRandom } from "../random.ts";
import { measureStatistics } from "./calibrate.ts";
import { quantise, quantisedTensors, type Statistics } from "./quantise.ts";

const SIDE = 4;
const PREPROCESSING = { ...EFFICIENTNET_LITE0_PREPROCESSING, inputSize: SIDE, resizeTo: SIDE };

/** Ordinary convolution with ReLU6, depthwise convolution, their sum, and a mean in floats. */
const network = (): Uint8Array => {
  const graph = emptyGraph();
  graph.input.push(describeTensor("input", ["n", 3, SIDE, SIDE]));
  addFloats(graph, "zero", [], Float32Array.of(0));
  addFloats(graph, "six", [], Float32Array.of(6));
  addFloats(graph, "w1", [2, 3, 1, 1], Float32Array.of(1, -0.5, 0.25, 0, 0, 0));
  addFloats(graph, "b1", [2], Float32Array.of(0.5, 3));
  addNode(graph, "Conv", ["input", "w1", "b1"], "first", { kernel_shape: [1, 1] });
  addNode(graph, "Clip", ["first", "zero", "six"], "clipped");
  addFloats(graph, "w2", [2, 1, 1, 1], Float32Array.of(-2, 0.5));
  addFloats(graph, "b2", [2], Float32Array.of(0, 1));
  addNode(graph, "Conv", ["clipped", "w2", "b2"], "second", { kernel_shape: [1, 1], group: 2 });
  addNode(graph, "Add", ["second", "clipped"], "sum");
  addNode(graph, "GlobalAveragePool", ["sum"], "mean");
  graph.output.push(describeTensor("mean", ["n", 2, 1, 1]));
  return encodeModel("test", graph);
};

const statistics = (): Map<string, Statistics> =>
  new Map([
    ["input", { min: -127 / 128, max: 1, means: [0, 0, 0] }],
    ["clipped", { min: 0, max: 9, means: [1, 3] }],
    ["second", { min: -6, max: 2.5, means: [-2, 2.5] }],
    ["sum", { min: -3, max: 5.5, means: [-1, 5.5] }],
  ]);

const raw = (graph: Graph, name: string): Buffer => {
  const tensor = graph.initializer.find((candidate) => candidate.name === name);
  return Buffer.from(tensor?.rawData ?? []);
};
const floats = (graph: Graph, name: string): number[] =>
  Array.from({ length: raw(graph, name).length / 4 }, (_, i) =>
    raw(graph, name).readFloatLE(i * 4),
  );
const bytes = (graph: Graph, name: string): number[] =>
  Array.from(raw(graph, name), (_, i) => raw(graph, name).readInt8(i));

const run = async (model: Uint8Array, values: Float32Array): Promise<Float32Array> => {
  const session = await ort.InferenceSession.create(model, { intraOpNumThreads: 1 });
  try {
    const input = new ort.Tensor("float32", values, [1, 3, SIDE, SIDE]);
    return (await session.run({ input }))["mean"]?.data as Float32Array;
  } finally {
    await session.release();
  }
};

describe("quantise", () => {
  it("writes each channel's weights in its own steps, seven bits and for depthwise ones eight", () => {
    const graph = decodeModel(quantise(network(), statistics()));
    expect(bytes(graph, "w1.integers")).toEqual([64, -32, 16, 0, 0, 0]);
    expect(floats(graph, "w1.scale")[0]).toBe(1 / 64);
    expect(bytes(graph, "w2.integers")).toEqual([-127, 127]);
    expect(floats(graph, "w2.scale")[1]).toBeCloseTo(0.5 / 127, 8);
  });

  it("keeps two products of a byte and a weight within 16 bits", () => {
    const graph = decodeModel(quantise(network(), statistics()));
    const greatest = Math.max(...bytes(graph, "w1.integers").map(Math.abs));
    expect(2 * 255 * greatest).toBeLessThanOrEqual(2 ** 15 - 1);
  });

  it("makes of a byte of the picture just that byte", () => {
    const graph = decodeModel(quantise(network(), statistics()));
    expect(floats(graph, "input.scale")).toEqual([1 / 128]);
    expect([...raw(graph, "input.zero")]).toEqual([127]);
  });

  it("lets the bounds of bytes do what Clip did", () => {
    const graph = decodeModel(quantise(network(), statistics()));
    expect(graph.node.map(({ opType }) => opType)).not.toContain("Clip");
    expect(floats(graph, "clipped.scale")[0]).toBeCloseTo(6 / 255, 7);
    expect([...raw(graph, "clipped.zero")]).toEqual([0]);
  });

  it("takes off the bias what rounding the weights adds on average", () => {
    const graph = emptyGraph();
    graph.input.push(describeTensor("input", ["n", 3, SIDE, SIDE]));
    addFloats(graph, "w", [1, 3, 1, 1], Float32Array.of(1, 0.507, 0));
    addFloats(graph, "b", [1], Float32Array.of(0));
    addNode(graph, "Conv", ["input", "w", "b"], "out", { kernel_shape: [1, 1] });
    graph.output.push(describeTensor("out", ["n", 1, SIDE, SIDE]));
    const known = new Map([
      ["input", { min: -127 / 128, max: 1, means: [0, 0.5, 0] }],
      ["out", { min: -1, max: 1, means: [0] }],
    ]);
    const made = decodeModel(quantise(encodeModel("test", graph), known));
    expect(bytes(made, "w.integers")).toEqual([64, 32, 0]);
    // 0.5 instead of 0.507, of which half arrives on average, in steps of 1/128 · 1/64.
    expect(raw(made, "b.integers").readInt32LE()).toBe(Math.round(0.007 * 0.5 * 128 * 64));
  });

  it("answers like the floats, within the steps of its bytes, and from another graph does not", async () => {
    const random = createRandom("quantise");
    const small = quantise(network(), statistics());
    for (let i = 0; i < 5; i++) {
      const values = Float32Array.from({ length: 3 * SIDE * SIDE }, () => random.between(-0.9, 1));
      const expected = await run(network(), values);
      const given = await run(small, values);
      for (const [channel, value] of expected.entries()) {
        expect(Math.abs((given[channel] ?? Number.NaN) - value)).toBeLessThan(0.06);
      }
    }
    const wrong = statistics().set("sum", { min: 0, max: 5.5, means: [] });
    const negative = new Float32Array(3 * SIDE * SIDE).fill(0.9);
    const [expected = 0] = await run(network(), negative);
    const [given = 0] = await run(quantise(network(), wrong), negative);
    expect(Math.abs(given - expected)).toBeGreaterThan(0.2);
  });

  it("gives the same bytes for the same statistics and others for others", () => {
    const first = Buffer.from(quantise(network(), statistics()));
    expect(first.equals(quantise(network(), statistics()))).toBe(true);
    const other = statistics().set("sum", { min: -3, max: 6, means: [] });
    expect(first.equals(quantise(network(), other))).toBe(false);
  });

  it("names the tensor of which nothing is known", () => {
    const less = statistics();
    less.delete("second");
    expect(() => quantise(network(), less)).toThrow("the range of second is not known");
  });
});

describe("measureStatistics", () => {
  it("finds least, greatest and mean values over all pictures", async () => {
    const grey = (value: number): Uint8Array => new Uint8Array(3 * SIDE * SIDE).fill(value);
    const options = { preprocessing: PREPROCESSING, threads: 1 };
    const found = await measureStatistics(network(), [grey(63), grey(255)], options);
    expect([...found.keys()]).toEqual(quantisedTensors(decodeModel(network())));
    expect([...found.keys()]).toEqual(["input", "clipped", "second", "sum"]);
    // (63 - 127) / 128 = -0.5 and 1; 0.75 of each and 0.5 more.
    expect(found.get("input")).toEqual({ min: -0.5, max: 1, means: [0.25, 0.25, 0.25] });
    expect(found.get("clipped")).toEqual({ min: 0, max: 3, means: [(0.125 + 1.25) / 2, 3] });
    expect(found.get("second")?.min).toBeCloseTo(-2.5, 6);
  });
});
