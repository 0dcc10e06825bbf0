import onnxProto from "onnx-proto";
import * as ort from "onnxruntime-node";
import { describe, expect, it, onTestFinished } from "vitest";
import { convertSegmenter } from "./segmenter.ts";

const { onnx } = onnxProto;
const FLOAT = onnx.TensorProto.DataType.FLOAT;

const border = (name: string, channels: number, side: number) => ({
  name,
  type: {
    tensorType: {
      elemType: FLOAT,
      shape: { dim: [1, channels, side, side].map((dimValue) => ({ dimValue })) },
    },
  },
});
/** A network for pictures of 320 × 320 with three outputs, the first of which needs an operation that the others do not. */
const original = (input = border("picture", 3, 320)): Uint8Array =>
  onnx.ModelProto.encode({
    irVersion: 6,
    opsetImport: [{ domain: "", version: 11 }],
    graph: {
      name: "red",
      input: [input],
      output: ["d0", "d1", "d2"].map((name) => border(name, 1, 320)),
      initializer: [
        { name: "w", dims: [1, 3, 1, 1], dataType: FLOAT, floatData: [1, -1, -1] },
        { name: "v", dims: [1, 1, 1, 1], dataType: FLOAT, floatData: [2] },
      ],
      node: [
        { opType: "Conv", input: ["picture", "w"], output: ["d1"] },
        { opType: "Conv", input: ["d1", "v"], output: ["d0"] },
        { opType: "Sigmoid", input: ["d1"], output: ["d2"] },
      ],
    },
  }).finish();

describe("convertSegmenter", () => {
  it("gives the same network for smaller pictures, with what one output needs alone", async () => {
    const converted = convertSegmenter(original());
    const { node, initializer } = onnx.ModelProto.decode(converted).graph ?? {};
    expect(node?.map(({ output }) => output)).toEqual([["d1"], ["d2"]]);
    expect(initializer?.map(({ name }) => name)).toEqual(["w"]);

    const session = await ort.InferenceSession.create(converted);
    onTestFinished(() => session.release());
    const [input] = session.inputMetadata;
    expect(input).toMatchObject({ name: "picture", shape: [1, 3, 224, 224] });
    expect(session.outputNames).toEqual(["d2"]);
    const pixels = new Float32Array(3 * 224 * 224).fill(1);
    const answer = await session.run({
      picture: new ort.Tensor("float32", pixels, [1, 3, 224, 224]),
    });
    expect(answer["d2"]?.dims).toEqual([1, 1, 224, 224]);
    expect(Number(answer["d2"]?.data[0])).toBeCloseTo(1 / (1 + Math.E), 5);
  });

  it("refuses another network", () => {
    expect(() => convertSegmenter(original({ name: "x" } as ReturnType<typeof border>))).toThrow(
      /is no U²-Net/,
    );
  });
});
