import type { Server } from "node:http";
import pino from "pino";
import { Registry } from "prom-client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ModelMetadata } from "../../model/metadata.ts";
import { createAdmission } from "../admission.ts";
import { createApp } from "../app.ts";
import { TensorError } from "../inference-protocol/tensor-error.ts";
import type { Lifecycle } from "../lifecycle.ts";
import { METRIC } from "../metric-names.ts";
import { createMetrics } from "../metrics.ts";
import { createModelRepository } from "../model-repository.ts";
import { createHttpServer, listen } from "../server.ts";
import { createSlowBodies } from "../slow-bodies.ts";
import { eventually } from "../testing/eventually.ts";
import type { PoolAnswer } from "../worker-pool/job.ts";
import type { Pool } from "../worker-pool/pool.ts";

const model = {
  name: "cats-dogs",
  version: "abc",
  digest: "sha256:abc",
  labels: ["cat", "dog"],
  input: { name: "in", shape: [null, 1, 2, 2] },
  output: { name: "out", shape: [null, 2] },
  preprocessing: { inputSize: 2 },
  training: { splitDigest: "sha256:split" },
  build: { gitCommit: "c0ffee" },
} as unknown as ModelMetadata;

const answer: PoolAnswer<"infer"> = {
  model,
  predictions: [
    { label: "cat", probability: 0.75, probabilities: { cat: 0.75, dog: 0.25 } },
    { label: "dog", probability: 1, probabilities: { cat: 0, dog: 1 } },
  ],
  asked: { id: "7", binary: false },
  times: { decode: 1, queue: 2, infer: 3 },
  waited: 4,
};
const build = { version: "1.2.3", commit: "c0ffee", node: "v0", onnxruntime: "0" };
const PHOTO_BYTES = 16;

let base: string;
let server: Server;
let lifecycle: Lifecycle;
let registry: Registry;
const infer = vi.fn<Pool["infer"]>();

beforeEach(async () => {
  lifecycle = { phase: "serving", model };
  registry = new Registry();
  infer.mockReset().mockResolvedValue(answer);
  const unused = { predict: vi.fn(), use: vi.fn(), grow: vi.fn(), stop: vi.fn() };
  const repositoryPool = { add: vi.fn(), remove: vi.fn() };
  const pool: Pool = { ...unused, ...repositoryPool, infer, ready: () => 2, queued: () => 0 };
  const log = pino({ level: "silent" });
  const app = createApp({
    pool,
    repository: createModelRepository({ directory: "none", maxModels: 1, pool, lifecycle, log }),
    lifecycle,
    build,
    admission: createAdmission({ sustained: 2, burst: 2, recoverMs: 0 }),
    metrics: createMetrics(registry, { queueDepth: () => 0, workersReady: () => 2, build }),
    body: { maxBytes: 4 * PHOTO_BYTES, timeoutSeconds: 1 },
    slowBodies: createSlowBodies({ maxBytes: 0, patienceMs: 0 }),
    deadlineSeconds: 600,
    maxBatch: 3,
    log,
  });
  server = createHttpServer(app, 1);
  base = `http://127.0.0.1:${await listen(server, 0, "127.0.0.1")}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const get = (path: string) => fetch(base + path);
const post = (body: string, headers: Record<string, string> = {}, path = "cats-dogs/infer") =>
  fetch(`${base}/v2/models/${path}`, { method: "POST", body, headers });
const expectError = async (response: Response, status: number, message: RegExp) => {
  expect(response.status).toBe(status);
  expect(response.headers.get("content-type")).toBe("application/json");
  expect(await response.json()).toEqual({ error: expect.stringMatching(message) });
};

describe("health", () => {
  const READY = ["/v2/health/ready", "/v2/models/cats-dogs/ready"];

  it.each([
    ["/v2/health/live", { live: true }],
    ["/v2/health/ready", { ready: true }],
    ["/v2/models/cats-dogs/ready", { name: "cats-dogs", ready: true }],
    ["/v2/models/cats-dogs/versions/abc/ready", { name: "cats-dogs", ready: true }],
  ])("is 200 with the protocol's body: %s", async (path, body) => {
    const response = await get(path);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(await response.json()).toEqual(body);
  });

  it("is 503 before there is a model and while draining, and live all the time", async () => {
    for (const path of READY) {
      lifecycle.phase = "draining";
      await expectError(await get(path), 503, /stopping/);
      lifecycle.phase = "serving";
      lifecycle.model = undefined;
      await expectError(await get(path), 503, /No model is loaded yet/);
      expect((await get("/v2/health/live")).status).toBe(200);
      lifecycle.model = model;
    }
  });
});

describe("metadata", () => {
  it("tells server and model, the number of photos as -1", async () => {
    expect(await (await get("/v2")).json()).toEqual({
      name: "image-classification",
      version: "1.2.3",
      extensions: ["binary_tensor_data", "parameters", "model_repository"],
    });
    const expected = {
      name: "cats-dogs",
      versions: ["abc"],
      platform: "onnxruntime_onnx",
      inputs: [{ name: "in", datatype: "FP32", shape: [-1, 1, 2, 2] }],
      outputs: [{ name: "out", datatype: "FP32", shape: [-1, 2] }],
      parameters: {
        digest: "sha256:abc",
        labels: '["cat","dog"]',
        preprocessing: '{"inputSize":2}',
        split_digest: "sha256:split",
        git_commit: "c0ffee",
      },
    };
    for (const path of ["/v2/models/cats-dogs", "/v2/models/cats-dogs/versions/abc"]) {
      expect(await (await get(path)).json()).toEqual(expected);
    }
  });

  it("is 404 for another model, version or path, and 405 for another method", async () => {
    for (const path of ["models/x", "models/cats-dogs/versions/1", "models/x/ready"]) {
      await expectError(await get(`/v2/${path}`), 404, /no such model or version; cats-dogs abc/);
    }
    await expectError(await post("{}", {}, "x/infer"), 404, /no such model/);
    await expectError(await get("/v2/repository"), 404, /no such path/);
    const wrong = await get("/v2/models/cats-dogs/infer");
    expect(wrong.headers.get("allow")).toBe("POST");
    await expectError(wrong, 405, /answers POST/);
  });
});

describe("infer", () => {
  it("answers in JSON, and counts each photo", async () => {
    const response = await post("{}");
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(await response.json()).toEqual({
      model_name: "cats-dogs",
      model_version: "abc",
      id: "7",
      parameters: { digest: "sha256:abc" },
      outputs: [{ name: "out", datatype: "FP32", shape: [2, 2], data: [0.75, 0.25, 0, 1] }],
    });
    const [request] = infer.mock.calls[0] ?? [];
    expect(request).toMatchObject({ jsonBytes: 2, maxBatch: 3 });
    const metrics = await registry.metrics();
    expect(metrics).toContain('predictions_total{label="cat"} 1');
    expect(metrics).toContain('predictions_total{label="dog"} 1');
    expect(metrics).toContain("prediction_confidence_count 2");
    expect(metrics).toMatch(/^inference_requests_total\{.*outcome="ok"\} 1$/m);
  });

  it("answers bytes behind JSON", async () => {
    infer.mockResolvedValue({ ...answer, asked: { binary: true } });
    const response = await post("{}xxxx", { "inference-header-content-length": "2" });
    expect(infer.mock.calls[0]?.[0]).toMatchObject({ jsonBytes: 2 });
    expect(response.headers.get("content-type")).toBe("application/octet-stream");
    const length = Number(response.headers.get("inference-header-content-length"));
    const body = await response.arrayBuffer();
    const json = JSON.parse(Buffer.from(body.slice(0, length)).toString());
    expect(json.outputs).toEqual([
      { name: "out", datatype: "FP32", shape: [2, 2], parameters: { binary_data_size: 16 } },
    ]);
    expect(json).not.toHaveProperty("id");
    expect([...new Float32Array(body.slice(length))]).toEqual([0.75, 0.25, 0, 1]);
  });

  it.each([
    [
      "a JSON length that is none",
      "{}",
      { "inference-header-content-length": "-1" },
      400,
      /Length/,
    ],
    ["one beyond the body", "{}", { "inference-header-content-length": "3" }, 400, /2 bytes came/],
    ["an empty body", "", {}, 400, /empty/],
    ["a compressed body", "{}", { "content-encoding": "gzip" }, 415, /compressed/],
    ["a large body", "x".repeat(65), {}, 413, /more than 64 bytes/],
  ])("refuses %s", async (_, body, headers, status, message) => {
    await expectError(await post(body, headers as Record<string, string>), status, message);
    expect(infer).not.toHaveBeenCalled();
    expect(await registry.metrics()).toMatch(/_failures_total\{reason="rejected"\} 1$/m);
  });

  it("tells what does not fit from faults", async () => {
    infer.mockRejectedValue(new TensorError("too wide"));
    await expectError(await post("{}"), 400, /^too wide$/);
    infer.mockRejectedValue(new Error("secret"));
    await expectError(await post("{}"), 500, /the log has the reason/);
    const metric = registry.getSingleMetric(METRIC.failures);
    expect((await metric?.get())?.values).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ labels: { reason: "rejected" }, value: 1 }),
        expect.objectContaining({ labels: { reason: "backend" }, value: 1 }),
      ]),
    );
  });

  it("takes a slot for each photo that the body has room for", async () => {
    const release = Promise.withResolvers<typeof answer>();
    infer.mockReturnValue(release.promise);
    const held = post("x".repeat(2 * PHOTO_BYTES));
    await eventually(() => expect(infer).toHaveBeenCalledTimes(1));
    const refused = await post("{}");
    expect(refused.headers.get("retry-after")).toBe("1");
    await expectError(refused, 429, /busy/);
    release.resolve(answer);
    expect((await held).status).toBe(200);
    expect((await post("{}")).status).toBe(200);
  });

  it("is 503 without a model, and while it closes", async () => {
    lifecycle.phase = "closing";
    await expectError(await post("{}"), 503, /stopping/);
    lifecycle = Object.assign(lifecycle, { phase: "serving", model: undefined });
    await expectError(await post("{}"), 503, /No model/);
  });

  it("never answers with another version than the one asked for", async () => {
    infer.mockResolvedValue({ ...answer, model: { ...model, version: "new" } });
    expect((await post("{}")).status).toBe(200);
    const exact = await post("{}", {}, "cats-dogs/versions/abc/infer");
    await expectError(exact, 404, /cats-dogs new is served/);
  });
});
