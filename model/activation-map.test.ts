import { describe, expect, it, onTestFinished } from "vitest";
import { createExplainer } from "./activation-map.ts";
import { createClassifier } from "./classifier.ts";
import type { ModelMetadata } from "./metadata.ts";
import { stubMetadata, stubOnnx } from "./testing/stub-model.ts";

const SIDE = 16;
/** A picture whose columns from `from` on are red, the others blue. */
const redFrom = (from: number): Uint8Array =>
  Uint8Array.from({ length: 3 * SIDE * SIDE }, (_, i) => {
    const column = Math.floor(i / 3) % SIDE;
    return i % 3 === (column >= from ? 0 : 2) ? 255 : 0;
  });
const open = async (metadata: ModelMetadata = stubMetadata()) => {
  const explainer = await createExplainer({ metadata, onnx: stubOnnx() }, 1);
  onTestFinished(() => explainer.release());
  return explainer;
};

describe("createExplainer", () => {
  it("shows where each label's score comes from", async () => {
    const explainer = await open();
    const [explanation] = await explainer.explain([redFrom(4)]);
    const { width, height, scores } = explanation?.map ?? {};
    expect([width, height]).toEqual([SIDE, SIDE]);
    // Four times the normalised channel, by hand: 255 is 1 and 0 is -127 / 128.
    const low = 4 * (-127 / 128);
    for (let place = 0; place < SIDE * SIDE; place++) {
      const red = place % SIDE >= 4;
      expect(scores?.["dog"]?.[place]).toBeCloseTo(red ? 4 : low, 5);
      expect(scores?.["cat"]?.[place]).toBeCloseTo(red ? low : 4, 5);
    }
  });

  it("answers like the classifier, each photo of a batch for itself", async () => {
    const [explainer, classifier] = [
      await open(),
      await createClassifier({ metadata: stubMetadata(), onnx: stubOnnx() }, 1),
    ];
    onTestFinished(() => classifier.release());
    const photos = [redFrom(2), redFrom(12), redFrom(9)];
    const explanations = await explainer.explain(photos);
    expect(explanations.map(({ prediction }) => prediction)).toEqual(
      await classifier.classify(photos),
    );
    for (const { embedding, features, map } of explanations) {
      expect(features).toHaveLength(3 * map.width * map.height);
      const red = features.subarray(0, map.width * map.height);
      expect(red.reduce((a, b) => a + b, 0) / red.length).toBeCloseTo(embedding[0] ?? 0, 5);
    }
    expect(await explainer.explain([])).toEqual([]);
  });

  it("refuses a model that does not say where its features are", async () => {
    const { activation: _, ...old } = stubMetadata();
    await expect(open(old)).rejects.toMatchObject({ name: "ModelError", code: "missing" });
  });

  it.each(["features", "weights"] as const)("refuses a graph that lacks the %s", async (name) => {
    const metadata = stubMetadata();
    const activation = { ...{ features: "features", embedding: "flat", weights: "weight" } };
    const wrong = { ...metadata, activation: { ...activation, [name]: "elsewhere" } };
    await expect(open(wrong)).rejects.toMatchObject({ name: "ModelError", code: "corrupt" });
  });
});
