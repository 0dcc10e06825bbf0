import * as ort from "onnxruntime-node";
import { describe, expect, it, onTestFinished } from "vitest";
import { createExplainer } from "../model/activation-map.ts";
import type { ModelMetadata } from "../model/metadata.ts";
import { EFFICIENTNET_LITE0_PREPROCESSING } from "../model/preprocessing-settings.ts";
import {
  BACKBONE_INPUT,
  EMBEDDING,
  EMBEDDING_SIZE,
  LOGITS,
} from "./backbone/efficientnet-lite0.ts";
import { ACTIVATION, MODEL_INPUT, MODEL_OUTPUT, mergeModel } from "./export.ts";
import { type Head, predict, zeroHead } from "./head/head.ts";
import { imageNetPrior } from "./head/prior.ts";
import { measureStatistics } from "./quantise/calibrate.ts";
import { quantise } from "./quantise/quantise.ts";
import { createRandom } from "./random.ts";
import { stubBackbone } from "./testing/stub-backbone.ts";

const random = createRandom("export");
const backbone = stubBackbone();
const SIZE = 3 * 224 * 224;
const pictures = Float32Array.from(
  { length: 2 * SIZE },
  (_, i) => random.next() + (i < SIZE ? 0 : 1),
);
const input = new ort.Tensor("float32", pictures, [2, 3, 224, 224]);

const run = async (bytes: Uint8Array) => {
  const session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: 1 });
  try {
    return { outputs: await session.run({ [BACKBONE_INPUT]: input }), names: session.outputNames };
  } finally {
    await session.release();
  }
};
const rows = (tensor: ort.Tensor | undefined): Float32Array[] => {
  const [count = 0, width = 0] = tensor?.dims ?? [];
  const data = tensor?.data as Float32Array;
  return Array.from({ length: count }, (_, row) => data.slice(row * width, (row + 1) * width));
};
const randomHead = (labels: number): Head => {
  const head = zeroHead(labels);
  return {
    weights: head.weights.map(() => random.between(-1, 1)),
    bias: head.bias.map(() => random.next()),
  };
};

describe("mergeModel", () => {
  it.each([2, 5])(
    "answers like backbone and head one after the other, %i labels",
    async (labels) => {
      const head = randomHead(labels);
      const { outputs, names } = await run(mergeModel(backbone, head));
      expect(names).toEqual([MODEL_OUTPUT]);
      const embeddings = rows((await run(backbone)).outputs[EMBEDDING]);
      for (const [row, probabilities] of rows(outputs[MODEL_OUTPUT]).entries()) {
        const expected = predict(head, embeddings[row] ?? new Float32Array());
        expect(probabilities).toHaveLength(labels);
        for (const [i, value] of expected.entries()) expect(probabilities[i]).toBeCloseTo(value, 5);
      }
    },
  );

  it("says which tensors explain its answers: the map's mean and the bias are what softmax sees", async () => {
    const head = randomHead(2);
    const preprocessing = EFFICIENTNET_LITE0_PREPROCESSING;
    const labels = ["cat", "dog"];
    const metadata = {
      ...{ labels, preprocessing, activation: ACTIVATION },
      input: { name: MODEL_INPUT, shape: [null, 3, 224, 224] },
      output: { name: MODEL_OUTPUT, shape: [null, 2] },
    } as unknown as ModelMetadata;
    const explainer = await createExplainer({ metadata, onnx: mergeModel(backbone, head) }, 1);
    onTestFinished(() => explainer.release());
    const pixels = Uint8Array.from({ length: SIZE }, () => random.between(0, 256));
    const [explanation] = await explainer.explain([pixels]);
    const { map, prediction } = explanation ?? {};
    expect([map?.width, map?.height]).toEqual([7, 7]);
    const [cat = 0, dog = 0] = labels.map((label, i) => {
      const places = map?.scores[label] ?? new Float32Array();
      return places.reduce((sum, place) => sum + place, 0) / 49 + (head.bias[i] ?? 0);
    });
    expect(prediction?.probabilities["dog"]).toBeCloseTo(1 / (1 + Math.exp(cat - dog)), 5);
  });

  it("explains the answers of the integers, too", async () => {
    const preprocessing = EFFICIENTNET_LITE0_PREPROCESSING;
    const onnx = mergeModel(backbone, randomHead(2));
    // Brighter from place to place, so that the map has something to show.
    const pixels = Uint8Array.from({ length: SIZE }, (_, i) => Math.floor(i / 3) % 224);
    const runtime = { preprocessing, threads: 1 };
    const integers = quantise(onnx, await measureStatistics(onnx, [pixels], runtime));
    const maps = [];
    for (const bytes of [onnx, integers]) {
      const metadata = {
        ...{ labels: ["cat", "dog"], preprocessing, activation: ACTIVATION },
        input: { name: MODEL_INPUT, shape: [null, 3, 224, 224] },
        output: { name: MODEL_OUTPUT, shape: [null, 2] },
      } as unknown as ModelMetadata;
      const explainer = await createExplainer({ metadata, onnx: bytes }, 1);
      onTestFinished(() => explainer.release());
      const [explanation] = await explainer.explain([pixels]);
      maps.push(explanation?.map.scores["dog"] ?? new Float32Array());
    }
    const [floats = new Float32Array(), given = new Float32Array()] = maps;
    const range = Math.max(...floats) - Math.min(...floats);
    expect(range).toBeGreaterThan(0.1);
    for (const [i, score] of floats.entries()) {
      expect(Math.abs((given[i] ?? Number.NaN) - score)).toBeLessThan(0.15 * range);
    }
  });

  it("leaves the ImageNet classifier out", () => {
    const merged = mergeModel(backbone, zeroHead(2));
    expect(backbone.length - merged.length).toBeGreaterThan(998 * EMBEDDING_SIZE * 4 - 1000);
  });

  it("gives the same bytes for the same head and others for another", () => {
    const head = randomHead(2);
    const bytes = mergeModel(backbone, head);
    expect(Buffer.from(mergeModel(backbone, head)).equals(bytes)).toBe(true);
    const changed = { ...head, bias: head.bias.with(0, 7) };
    expect(Buffer.from(mergeModel(backbone, changed)).equals(bytes)).toBe(false);
  });
});

describe("imageNetPrior", () => {
  it("reads dog minus cat out of the logits, with offset and steepness, in the labels' order", async () => {
    const { outputs } = await run(backbone);
    const embeddings = rows(outputs[EMBEDDING]);
    const mean = (values: Float32Array) => values.reduce((a, b) => a + b, 0) / values.length;
    const prior = imageNetPrior(backbone, ["cat", "dog"]);
    const turned = imageNetPrior(backbone, ["dog", "cat"]);
    for (const [row, logits] of rows(outputs[LOGITS]).entries()) {
      const difference = mean(logits.subarray(151, 269)) - mean(logits.subarray(281, 286));
      const expected = 1 / (1 + Math.exp(-2 * (difference + 0.9)));
      const embedding = embeddings[row] ?? new Float32Array();
      expect(prior && predict(prior, embedding)[1]).toBeCloseTo(expected, 5);
      expect(turned && predict(turned, embedding)[0]).toBeCloseTo(expected, 5);
    }
  });

  it.each([[["cat", "bird"]], [["cat", "dog", "horse"]], [["a", "b"]]])(
    "knows nothing of %j",
    (labels) => {
      expect(imageNetPrior(backbone, labels)).toBeUndefined();
    },
  );
});
