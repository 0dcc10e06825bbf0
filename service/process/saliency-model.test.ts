import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import onnxProto from "onnx-proto";
import { describe, expect, it, onTestFinished } from "vitest";
import { stubOnnx } from "../../model/testing/stub-model.ts";
import { openSaliencyModel } from "./saliency-model.ts";

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
/** A network that takes red for the foreground. */
const redFinder = (): Uint8Array =>
  onnx.ModelProto.encode({
    irVersion: 8,
    opsetImport: [{ domain: "", version: 15 }],
    graph: {
      name: "red",
      input: [border("picture", 3)],
      output: [border("d0", 1)],
      initializer: [{ name: "w", dims: [1, 3, 1, 1], dataType: FLOAT, floatData: [1, -1, -1] }],
      node: [
        { opType: "Conv", input: ["picture", "w"], output: ["score"] },
        { opType: "Sigmoid", input: ["score"], output: ["d0"] },
      ],
    },
  }).finish();

const write = async (bytes: Uint8Array): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), "saliency-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  const path = join(directory, "u2net.onnx");
  await writeFile(path, bytes);
  return path;
};

describe("openSaliencyModel", () => {
  it("finds what the network finds, at the picture's own size", async () => {
    const model = await openSaliencyModel(await write(redFinder()), 1);
    const [width, height] = [32, 16];
    const data = Uint8Array.from({ length: 3 * width * height }, (_, i) => {
      const left = Math.floor(i / 3) % width < width / 2;
      return i % 3 === (left ? 0 : 2) ? 220 : 10;
    });
    const mask = await model.segment({ width, height, data });
    expect(mask).toMatchObject({ width, height });
    expect(mask.data[width * 8 + 2]).toBeCloseTo(1, 2);
    expect(mask.data[width * 8 + width - 3]).toBeCloseTo(0, 2);
  });

  it.each([
    ["missing", async () => "/nowhere/u2net.onnx", /cannot be read; check SEGMENTER_MODEL/],
    ["corrupt", () => write(Buffer.from("nonsense")), /ONNX Runtime/],
    ["wrong-shape", () => write(stubOnnx()), /gave no mask|takes/],
  ])("refuses a file that is %s", async (code, path, message) => {
    const opening = openSaliencyModel(await path(), 1).then((model) =>
      model.segment({ width: 4, height: 4, data: new Uint8Array(48) }),
    );
    await expect(opening).rejects.toMatchObject({ name: "ModelError", code });
    await expect(opening).rejects.toThrow(message);
  });
});
