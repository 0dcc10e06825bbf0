import sharp from "sharp";
import { describe, expect, it, onTestFinished } from "vitest";
import { createClassifier } from "./classifier.ts";
import { stubMetadata, stubOnnx } from "./testing/stub-model.ts";

const load = async () => {
  const classifier = await createClassifier({ metadata: stubMetadata(), onnx: stubOnnx() }, 1);
  onTestFinished(() => classifier.release());
  return classifier;
};
const picture = (r: number, b: number): Promise<Buffer> =>
  sharp({ create: { width: 40, height: 30, channels: 3, background: { r, g: 0, b } } })
    .png()
    .toBuffer();

describe("createClassifier", () => {
  it("answers label and probabilities that sum to one", async () => {
    const classifier = await load();
    const pixels = await classifier.decode(await picture(255, 0));
    const [prediction] = await classifier.classify([pixels]);
    // Scores 4 · (-127 / 128) and 4 · 1, by hand.
    const expected = 1 / (1 + Math.exp(4 * (-127 / 128) - 4));
    expect(prediction?.label).toBe("dog");
    expect(prediction?.probability).toBeCloseTo(expected, 5);
    expect(Object.keys(prediction?.probabilities ?? {})).toEqual(["cat", "dog"]);
    const { cat = 0, dog = 0 } = prediction?.probabilities ?? {};
    expect(cat + dog).toBeCloseTo(1, 6);
  });

  it("answers a batch in order, as one by one, while others are under way", async () => {
    const classifier = await load();
    const colours = [
      [255, 0],
      [0, 255],
      [130, 120],
      [10, 200],
    ] as const;
    const pixels = await Promise.all(
      colours.map(async ([r, b]) => classifier.decode(await picture(r, b))),
    );
    const together = classifier.classify(pixels);
    const single = await Promise.all(pixels.map((one) => classifier.classify([one])));
    const batch = await together;
    expect(batch.map(({ label }) => label)).toEqual(["dog", "cat", "dog", "cat"]);
    for (const [i, prediction] of batch.entries()) {
      expect(single[i]?.[0]?.probability).toBeCloseTo(prediction.probability, 6);
    }
  });

  it("answers an empty batch with nothing", async () => {
    expect(await (await load()).classify([])).toEqual([]);
  });

  it.each([
    ["no ONNX graph", "corrupt", Buffer.from("nonsense"), stubMetadata()],
    [
      "another output name",
      "wrong-shape",
      stubOnnx(),
      { ...stubMetadata(), output: { name: "logits", shape: [null, 2] as [null, number] } },
    ],
    [
      "more labels than outputs",
      "wrong-shape",
      stubOnnx(),
      { ...stubMetadata(), labels: ["cat", "dog", "bird"] },
    ],
    [
      "another input size",
      "wrong-shape",
      stubOnnx(),
      { ...stubMetadata(), preprocessing: { ...stubMetadata().preprocessing, inputSize: 17 } },
    ],
  ])("refuses %s as %s", async (_, code, onnx, metadata) => {
    await expect(createClassifier({ metadata, onnx }, 1)).rejects.toMatchObject({
      name: "ModelError",
      code,
    });
  });
});
