import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pino from "pino";
import { Registry } from "prom-client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ModelMetadata } from "../model/metadata.ts";
import { ModelError } from "../model/model-error.ts";
import { publishModel } from "../model/store.ts";
import { stubMetadata } from "../model/testing/stub-model.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { METRIC } from "./metric-names.ts";
import { createMetrics } from "./metrics.ts";
import { type ModelWatcherOptions, watchModel } from "./model-watcher.ts";
import { eventually } from "./testing/eventually.ts";
import type { Pool } from "./worker-pool/pool.ts";

const digest = (digit: string): string => `sha256:${digit.repeat(64)}`;
const metadata = (of: string) => ({ name: "m", version: of[7], digest: of }) as ModelMetadata;

let directory: string;
let lifecycle: Lifecycle;
let registry: Registry;
let stop: () => void;
let logged: { level: number; msg: string }[];
const use = vi.fn<Pool["use"]>();
const prove = vi.fn<ModelWatcherOptions["prove"]>();
const onServe = vi.fn<ModelWatcherOptions["onServe"]>();

const offer = (of: string) =>
  publishModel(directory, { "model.json": JSON.stringify(stubMetadata(of)) }, of);
const watch = (): void => {
  registry = new Registry();
  stop = watchModel({
    directory,
    pollSeconds: 0.005,
    pool: { use },
    prove,
    onServe,
    lifecycle,
    metrics: createMetrics(registry, {
      queueDepth: () => 0,
      workersReady: () => 1,
      build: { version: "1" },
    }),
    log: pino({}, { write: (line) => logged.push(JSON.parse(line)) }),
  });
};
const serves = (of: string) => eventually(() => expect(lifecycle.model?.digest).toBe(of));
const warnings = () => logged.filter((line) => line.level === 40);

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "watcher-"));
  lifecycle = { phase: "serving", model: undefined };
  logged = [];
  onServe.mockReset();
  prove.mockReset().mockResolvedValue(undefined);
  use.mockReset().mockImplementation(async (model) => metadata(model.digest));
});
afterEach(async () => {
  stop();
  await rm(directory, { recursive: true });
});

describe("watchModel", () => {
  it("waits for a first model, says so once, and takes up each new one", async () => {
    watch();
    await eventually(() => expect(warnings()).toHaveLength(1));
    expect(warnings()[0]?.msg).toMatch(/is missing; train a model first .*waiting for a model/);
    await offer(digest("a"));
    await serves(digest("a"));
    await offer(digest("b"));
    await serves(digest("b"));
    expect(use.mock.calls.map(([model]) => model.digest)).toEqual([digest("a"), digest("b")]);
    expect(onServe.mock.calls.map(([model]) => model.digest)).toEqual([digest("a"), digest("b")]);
    expect(warnings()).toHaveLength(1);
    const info = await registry.getSingleMetric(METRIC.modelInfo)?.get();
    expect(info?.values).toEqual([
      { value: 1, labels: { name: "m", version: "b", digest: digest("b") } },
    ]);
  });

  it("keeps the old model when the new one is refused, says so once, and tries it again", async () => {
    await offer(digest("a"));
    watch();
    await serves(digest("a"));
    use.mockRejectedValue(new ModelError("digest-mismatch", "It differs."));
    await offer(digest("b"));
    await eventually(() => expect(use.mock.calls.length).toBeGreaterThan(2));
    expect(lifecycle.model?.digest).toBe(digest("a"));
    expect(warnings().map((line) => line.msg)).toEqual([
      "It differs. (the model before it keeps serving)",
    ]);
    expect(await registry.metrics()).toContain('model_refusals_total{reason="digest-mismatch"} 1');

    use.mockImplementation(async (model) => metadata(model.digest));
    await serves(digest("b"));
  });

  it("does not take up a first model whose answers are wrong, and proves the one after it", async () => {
    prove.mockImplementation(async (model) => {
      if (model.digest === digest("a")) throw new ModelError("wrong-answer", "A dog is a cat.");
    });
    await offer(digest("a"));
    watch();
    await eventually(() => expect(warnings()).toHaveLength(1));
    expect(lifecycle.model).toBeUndefined();
    await offer(digest("b"));
    await serves(digest("b"));
    expect(prove.mock.lastCall?.[0].digest).toBe(digest("b"));
    const proven = prove.mock.calls.length;
    // From now on workers prove a model, before it takes the place of one that serves.
    await offer(digest("c"));
    await serves(digest("c"));
    expect(prove).toHaveBeenCalledTimes(proven);
  });

  it("takes up another model at once after a refusal", async () => {
    use.mockRejectedValueOnce(new ModelError("corrupt", "No graph."));
    await offer(digest("a"));
    watch();
    await eventually(() => expect(warnings()).toHaveLength(1));
    await offer(digest("b"));
    await serves(digest("b"));
  });

  it("asks no more after its end", async () => {
    await offer(digest("a"));
    watch();
    await serves(digest("a"));
    stop();
    await offer(digest("b"));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(use).toHaveBeenCalledTimes(1);
  });
});
