/* The whole way of a batch's photos beside requests: what submits them, the pool, and a real worker with a real network. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Registry } from "prom-client";
import sharp from "sharp";
import { expect, it } from "vitest";
import { writeModel } from "../../model/store.ts";
import { stubMetadata, stubOnnx } from "../../model/testing/stub-model.ts";
import { createPredictPhoto } from "../batch/predict-photo.ts";
import { createMetrics } from "../metrics.ts";
import { createPool } from "./pool.ts";

const BACKGROUND = 60;
const INTERACTIVE = 20;
/**
 * Photos of the batch that may be answered before the last request: the three that the worker has when the requests come,
 * and as many that it is given while it has the last three of those.
 */
const MAY_PASS = 6;

it("has a batch's photos wait for all requests, but for the few that the worker has already", async () => {
  const directory = await mkdtemp(join(tmpdir(), "priority-"));
  const { digest } = stubMetadata();
  await writeModel(directory, {
    "model.onnx": stubOnnx(),
    "model.json": JSON.stringify(stubMetadata()),
  });
  // So small that the worker decodes it on its own thread: libvips' threads would finish in any order.
  const create = { width: 40, height: 30, channels: 3, background: "blue" } as const;
  const photo = await sharp({ create }).jpeg().toBuffer();
  const never = new AbortController().signal;
  const pool = createPool({ size: 1, onFault: () => undefined });
  try {
    await pool.use({ directory, digest });
    const metrics = createMetrics(new Registry(), {
      ...{ queueDepth: pool.queued, workersReady: pool.ready },
      build: { version: "1", commit: "c", node: "v0", onnxruntime: "0" },
    });
    const predict = createPredictPhoto(pool, metrics);
    // In the order in which the worker ran them, because its answers come in that order.
    const order: string[] = [];
    const inBackground = Array.from({ length: BACKGROUND }, async () => {
      await predict(photo, never);
      order.push("background");
    });
    // All are asked before this thread hears of any answer, so that no clock decides who was first.
    const interactive = Array.from({ length: INTERACTIVE }, async () => {
      await pool.predict(new Uint8Array(photo), never);
      order.push("interactive");
    });
    await Promise.all([...inBackground, ...interactive]);
    const passed = order.slice(0, order.lastIndexOf("interactive"));
    expect(passed.filter((one) => one === "background").length).toBeLessThanOrEqual(MAY_PASS);
    expect(order, "nothing is forgotten for it").toHaveLength(BACKGROUND + INTERACTIVE);
  } finally {
    await pool.stop();
    await rm(directory, { recursive: true });
  }
});
