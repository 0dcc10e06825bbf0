import { expect, it } from "vitest";
import { makeDriftReference } from "../../model/drift-reference.ts";
import type { ModelMetadata } from "../../model/metadata.ts";
import { project } from "../../model/projection.ts";
import { stubMetadata } from "../../model/testing/stub-model.ts";
import { createDrift } from "./drift.ts";
import type { DriftReading } from "./drift-reading.ts";

/** Embeddings around a mean, and confidences, that look random and are the same each time. */
const photosAround = (mean: number, count: number) =>
  Array.from({ length: count }, (_, photo) => {
    const noise = (index: number) =>
      Math.abs((Math.sin(photo * 78.233 + index * 12.9898) * 1e4) % 1);
    return {
      confidence: 0.7 + 0.3 * noise(0),
      embedding: Float32Array.from({ length: 1280 }, (_, i) =>
        i % 3 ? noise(i) : mean * noise(i),
      ),
    };
  });
const model: ModelMetadata = {
  ...stubMetadata(),
  drift: makeDriftReference(photosAround(1, 400)),
};
const readingOf = (of: DriftReading["of"], readings: readonly DriftReading[]) => {
  const found = readings.find((reading) => reading.of === of);
  if (!found) throw new Error(`no reading of ${of}`);
  return found;
};
const feed = (drift: ReturnType<typeof createDrift>, mean: number, count: number, sure = 0) => {
  for (const { confidence, embedding } of photosAround(mean, count)) {
    drift.record(model.digest, Math.max(sure, confidence), project(embedding));
  }
};

it("finds nothing in photos like those of training, and a shift of either kind", () => {
  const same = createDrift({ embeddingSeconds: 1 });
  same.use(model);
  feed(same, 1, 300);
  for (const { index, bound, source, photos } of same.read()) {
    expect(index).toBeLessThan(bound);
    expect([source, photos]).toEqual(["sample", 300]);
  }
  const other = createDrift({ embeddingSeconds: 1 });
  other.use(model);
  feed(other, 3, 300, 0.98);
  for (const of of ["confidence", "embedding"] as const) {
    const { index, bound } = readingOf(of, other.read());
    expect(index, of).toBeGreaterThan(0.25);
    expect(index, of).toBeGreaterThan(bound);
  }
});

it("calls nothing a shift after a single photo, whatever it is", () => {
  const drift = createDrift({ embeddingSeconds: 1 });
  drift.use(model);
  expect(drift.read(), "nothing yet").toEqual([]);
  drift.record(model.digest, 0.5);
  expect(drift.read()).toHaveLength(1);
  const { index, bound, photos } = readingOf("confidence", drift.read());
  expect(photos).toBe(1);
  expect(index).toBeLessThan(bound);
});

it("forgets what was long ago", () => {
  const drift = createDrift({ embeddingSeconds: 1 });
  drift.use(model);
  for (let i = 0; i < 1000; i++) drift.record(model.digest, 0.5);
  expect(readingOf("confidence", drift.read()).index).toBeGreaterThan(1);
  feed(drift, 1, 1000);
  const { index, bound, photos } = readingOf("confidence", drift.read());
  expect(photos).toBe(1000);
  expect(index).toBeLessThan(bound);
});

it("begins anew with another model, ignores answers of others, and has nothing to say of an older training", () => {
  const drift = createDrift({ embeddingSeconds: 1 });
  drift.record(model.digest, 0.9);
  drift.use(model);
  drift.record("sha256:other", 0.9);
  expect(drift.read()).toEqual([]);
  feed(drift, 1, 10);
  drift.use(model);
  expect(drift.read(), "the same one").toHaveLength(2);
  drift.use(stubMetadata("sha256:older"));
  feed(drift, 1, 10);
  expect(drift.read()).toEqual([]);
  expect(drift.wantsEmbedding()).toBe(false);
});

it("wants an embedding no more often than it is told, and not of the first photo, which would wait for it", () => {
  let now = 0;
  const drift = createDrift({ embeddingSeconds: 2, now: () => now });
  expect(drift.wantsEmbedding(), "no model").toBe(false);
  now = 1000;
  drift.use(model);
  expect(drift.wantsEmbedding()).toBe(false);
  now = 2999;
  expect(drift.wantsEmbedding()).toBe(false);
  now = 3000;
  expect(drift.wantsEmbedding()).toBe(true);
  now = 4999;
  expect(drift.wantsEmbedding()).toBe(false);
  now = 5000;
  expect(drift.wantsEmbedding()).toBe(true);
  const none = createDrift({ embeddingSeconds: 0 });
  none.use(model);
  expect(none.wantsEmbedding()).toBe(false);
});
