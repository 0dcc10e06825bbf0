import { Registry } from "prom-client";
import { beforeEach, expect, it, vi } from "vitest";
import { ImageError } from "../../model/image-error.ts";
import { stubMetadata } from "../../model/testing/stub-model.ts";
import { createMetrics } from "../metrics.ts";
import type { Pool } from "../worker-pool/pool.ts";
import { createPredictPhoto } from "./predict-photo.ts";

const model = stubMetadata();
const prediction = { label: "cat", probability: 0.9, probabilities: { cat: 0.9, dog: 0.1 } };
const times = { queue: 0, decode: 1, infer: 1 };
const build = { version: "1", gitCommit: "abc" };
const photo = new Uint8Array([1, 2, 3]);
const { signal } = new AbortController();

const predict = vi.fn<Pool["predict"]>();
const drift = { wantsEmbedding: vi.fn(() => false), record: vi.fn() };
const sampling = { wants: vi.fn(() => false), keep: vi.fn(async () => undefined) };
const ask = () => {
  const figures = { queueDepth: () => 0, workersReady: () => 1, build };
  const metrics = createMetrics(new Registry(), figures);
  return createPredictPhoto({ predict }, metrics, { drift, sampling })(photo, signal);
};

beforeEach(() => {
  vi.resetAllMocks();
  predict.mockResolvedValue({ prediction, model, times, waited: 0 });
});

it("lets drift see each answer, and the embedding of those that it wants", async () => {
  await ask();
  expect(predict.mock.calls[0]?.[2]).toMatchObject({ priority: "background", extras: undefined });
  expect(drift.record).toHaveBeenCalledExactlyOnceWith(model.digest, 0.9, undefined);

  drift.wantsEmbedding.mockReturnValue(true);
  predict.mockResolvedValue({ prediction, model, times, waited: 0, projections: [1, 2] });
  await ask();
  expect(predict.mock.calls[1]?.[2]).toMatchObject({ extras: { map: false, projections: true } });
  expect(drift.record).toHaveBeenLastCalledWith(model.digest, 0.9, [1, 2]);
});

it("keeps the photo when it is one of the share: not the copy, which the worker has", async () => {
  await ask();
  expect(sampling.keep).not.toHaveBeenCalled();
  sampling.wants.mockReturnValue(true);
  await ask();
  expect(sampling.keep).toHaveBeenCalledExactlyOnceWith(photo, { prediction, model });
  expect(predict.mock.calls[1]?.[0]).not.toBe(photo);
});

it("shows neither a photo without an answer", async () => {
  sampling.wants.mockReturnValue(true);
  predict.mockRejectedValue(new ImageError("undecodable", "It cannot be decoded."));
  await expect(ask()).rejects.toThrow(ImageError);
  expect(drift.record).not.toHaveBeenCalled();
  expect(sampling.keep).not.toHaveBeenCalled();
});
