import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Explanation } from "../model/activation-map.ts";
import { digestOf } from "../model/digest.ts";
import type { ModelMetadata } from "../model/metadata.ts";
import { openReadOut } from "../model/read-out.ts";
import { BACKBONE_INPUT, EMBEDDING_SIZE, LOGITS } from "./backbone/efficientnet-lite0.ts";
import { createRandom } from "./random.ts";
import { exportReadOut } from "./read-out.ts";
import { stubBackbone } from "./testing/stub-backbone.ts";

const SIDE = 2;
const FILE = "imagenet.onnx";
const backbone = stubBackbone();
const bytes = exportReadOut(backbone);

const publish = async (digest = digestOf(bytes)) => {
  const directory = await mkdtemp(join(tmpdir(), "read-out-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  await writeFile(join(directory, FILE), bytes);
  return { directory, metadata: { imageNet: { file: FILE, digest } } as ModelMetadata };
};
/** Features of the same value at every place of a channel. */
const explain = (embedding: Float32Array): Explanation => {
  const places = SIDE * SIDE;
  const features = Float32Array.from(
    { length: embedding.length * places },
    (_, i) => embedding[Math.floor(i / places)] ?? 0,
  );
  return { embedding, features, map: { width: SIDE, height: SIDE } } as unknown as Explanation;
};

describe("exportReadOut", () => {
  it("says what the backbone's own classifier says, but for the rounding of weights to bytes", async () => {
    const session = await ort.InferenceSession.create(backbone, { intraOpNumThreads: 1 });
    onTestFinished(() => session.release());
    const random = createRandom("read out");
    const pixels = Float32Array.from({ length: 3 * 224 * 224 }, () => random.between(0, 1));
    const input = new ort.Tensor("float32", pixels, [1, 3, 224, 224]);
    const outputs = await session.run({ [BACKBONE_INPUT]: input });
    const embedding = outputs["embedding"]?.data as Float32Array;
    const expected = outputs[LOGITS]?.data as Float32Array;

    const readOut = await openReadOut(await publish(), 1);
    onTestFinished(() => readOut?.release());
    const zero = new Float32Array(EMBEDDING_SIZE);
    const [answer, other] = (await readOut?.read([explain(embedding), explain(zero)])) ?? [];
    for (const [i, logit] of expected.entries()) {
      expect(Math.abs((answer?.[i] ?? Number.NaN) - logit)).toBeLessThan(0.02);
    }
    expect(other).not.toEqual(answer);
  });

  it("is a quarter of the size, and the same bytes for the same backbone", () => {
    expect(bytes.length).toBeLessThan(1000 * EMBEDDING_SIZE * 1.02);
    expect(Buffer.from(exportReadOut(backbone)).equals(bytes)).toBe(true);
  });
});

describe("openReadOut", () => {
  it("is none for a model without, and refuses other bytes than those declared", async () => {
    const { directory, metadata } = await publish();
    const { imageNet: _, ...old } = metadata;
    expect(await openReadOut({ directory, metadata: old }, 1)).toBeUndefined();
    const wrong = await publish(digestOf("other"));
    await expect(openReadOut(wrong, 1)).rejects.toMatchObject({ code: "digest-mismatch" });
    const away = { directory: join(directory, "away"), metadata };
    await expect(openReadOut(away, 1)).rejects.toMatchObject({ code: "missing" });
  });
});
