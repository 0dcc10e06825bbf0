import onnxProto from "onnx-proto";
import { describe, expect, it, onTestFinished } from "vitest";
import { stubOnnx } from "../../model/testing/stub-model.ts";
import type { Picture } from "./picture.ts";
import { openSegmenter } from "./segmenter.ts";

const { onnx } = onnxProto;
const FLOAT = onnx.TensorProto.DataType.FLOAT;
const SIDE = 8;

const border = (name: string, channels: number) => ({
  name,
  type: {
    tensorType: {
      elemType: FLOAT,
      shape: { dim: [1, channels, SIDE, SIDE].map((dimValue) => ({ dimValue })) },
    },
  },
});
/** A network that takes red for the foreground, and says how probable or how strong it is. */
const redFinder = (output: "d0" | "score" = "d0"): Uint8Array =>
  onnx.ModelProto.encode({
    irVersion: 8,
    opsetImport: [{ domain: "", version: 15 }],
    graph: {
      name: "red",
      input: [border("picture", 3)],
      output: [border(output, 1)],
      initializer: [{ name: "w", dims: [1, 3, 1, 1], dataType: FLOAT, floatData: [1, -1, -1] }],
      node: [
        { opType: "Conv", input: ["picture", "w"], output: ["score"] },
        { opType: "Sigmoid", input: ["score"], output: ["d0"] },
      ],
    },
  }).finish();

/** The left half in one colour, the right half in another. */
const halves = (left: readonly number[], right: readonly number[]): Picture => {
  const [width, height] = [32, 16];
  const data = Uint8Array.from({ length: 3 * width * height }, (_, i) => {
    const colour = Math.floor(i / 3) % width < width / 2 ? left : right;
    return colour[i % 3] ?? 0;
  });
  return { width, height, data };
};

describe("openSegmenter", () => {
  it("finds what the network finds, at the network's own size", async () => {
    const { segment, release } = await openSegmenter(redFinder(), "red.onnx", 1);
    onTestFinished(release);
    const mask = await segment(halves([220, 10, 10], [10, 10, 220]));
    expect(mask).toMatchObject({ width: SIDE, height: SIDE });
    expect(mask.data[SIDE * 3 + 1]).toBeCloseTo(1, 2);
    expect(mask.data[SIDE * 3 + SIDE - 2]).toBeLessThan(0.1);
  });

  it("takes probabilities as they are: where nothing is found there is nothing", async () => {
    const { segment, release } = await openSegmenter(redFinder(), "red.onnx", 1);
    onTestFinished(release);
    const { data } = await segment(halves([10, 10, 220], [10, 120, 220]));
    expect(Math.max(...data)).toBeLessThan(0.1);
  });

  it("stretches scores of another range", async () => {
    const { segment, release } = await openSegmenter(redFinder("score"), "red.onnx", 1);
    onTestFinished(release);
    const { data } = await segment(halves([220, 10, 10], [10, 10, 220]));
    expect([Math.max(...data), Math.min(...data)]).toEqual([1, 0]);
  });

  it.each([
    ["corrupt", Buffer.from("nonsense"), /ONNX Runtime/],
    ["wrong-shape", stubOnnx(), /it\.onnx (gave no mask|takes).*SEGMENTER_MODEL/],
  ])("refuses a file that is %s", async (code, onnx, message) => {
    const opening = openSegmenter(onnx, "it.onnx", 1).then(({ segment }) =>
      segment(halves([0, 0, 0], [0, 0, 0])),
    );
    await expect(opening).rejects.toMatchObject({ name: "ModelError", code });
    await expect(opening).rejects.toThrow(message);
  });
});
