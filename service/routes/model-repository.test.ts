import type { Server } from "node:http";
import pino from "pino";
import { Registry } from "prom-client";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { ModelMetadata } from "../../model/metadata.ts";
import { createFindKeyOwner, hashKey } from "../access/api-keys.ts";
import { createAdmission } from "../admission.ts";
import { createApp } from "../app.ts";
import type { Lifecycle } from "../lifecycle.ts";
import { createMetrics } from "../metrics.ts";
import type { ModelRepository } from "../model-repository.ts";
import { ProblemError } from "../problem.ts";
import { createHttpServer, listen } from "../server.ts";
import { createSlowBodies } from "../slow-bodies.ts";
import type { Pool } from "../worker-pool/pool.ts";

const build = { version: "1.2.3", commit: "c0ffee", node: "v0", onnxruntime: "0" };
const INDEX: Awaited<ReturnType<ModelRepository["index"]>> = [
  { name: "pets", version: "1", state: "READY", reason: "" },
  { name: "flowers", version: "2", state: "UNAVAILABLE", reason: "not loaded" },
];
const load = vi.fn<ModelRepository["load"]>();
const unload = vi.fn<ModelRepository["unload"]>();
const infer = vi.fn<Pool["infer"]>();
const release = vi.fn();
let registry: Registry;
const flowers = {
  ...{ name: "flowers", version: "2", digest: "sha256:2", labels: ["rose", "tulip"] },
  ...{ input: { name: "in", shape: [null, 1, 2, 2] }, output: { name: "out", shape: [null, 2] } },
} as unknown as ModelMetadata;
const pets = { ...flowers, name: "pets", version: "1", digest: "sha256:1" };
const servers = new Set<Server>();

const start = async (keys: boolean): Promise<string> => {
  const lifecycle: Lifecycle = { phase: "serving", model: pets };
  const repository: ModelRepository = {
    ...{ load, unload, index: async () => INDEX },
    ...{ loaded: () => [pets, flowers] },
    lease: () => ({ model: flowers, digest: flowers.digest, release }),
  };
  registry = new Registry();
  const owners = (["predict", "admin"] as const).map((scope) => ({
    ...{ name: scope, scope, sha256: hashKey(scope) },
  }));
  const app = createApp({
    pool: {
      ...{ use: vi.fn(), grow: vi.fn(), add: vi.fn(), remove: vi.fn(), predict: vi.fn(), infer },
      ...{ stop: vi.fn(), ready: () => 1, queued: () => 0 },
    },
    ...{ repository, lifecycle, build, log: pino({ level: "silent" }) },
    admission: createAdmission({ sustained: 1, burst: 1, recoverMs: 0 }),
    metrics: createMetrics(registry, { queueDepth: () => 0, workersReady: () => 1, build }),
    body: { maxBytes: 1000, timeoutSeconds: 1 },
    slowBodies: createSlowBodies({ maxBytes: 0, patienceMs: 0 }),
    ...{ deadlineSeconds: 600, maxBatch: 1 },
    ...(keys && { access: { proxies: 0, findKeyOwner: createFindKeyOwner(owners) } }),
  });
  const server = createHttpServer(app, 1);
  servers.add(server);
  return `http://127.0.0.1:${await listen(server, 0, "127.0.0.1")}/v2/repository`;
};

const post = async (url: string, body?: unknown, key = "admin") => {
  const response = await fetch(url, {
    method: "POST",
    headers: { authorization: `Bearer ${key}` },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: await response.json() };
};

beforeEach(() => {
  infer.mockReset();
  release.mockReset();
  load.mockReset().mockResolvedValue();
  unload.mockReset().mockResolvedValue();
});
afterEach(async () => {
  for (const server of servers) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
  servers.clear();
});

it("is for administrators alone", async () => {
  const closed = await start(false);
  for (const path of ["index", "models/flowers/load", "models/flowers/unload"]) {
    expect(await post(`${closed}/${path}`)).toEqual({
      status: 403,
      body: { error: expect.stringMatching(/scope "admin".*API_KEYS_FILE/) },
    });
  }
  const open = await start(true);
  expect((await post(`${open}/index`, {}, "predict")).status).toBe(403);
  expect((await post(`${open}/index`, {}, "nobody")).status).toBe(401);
  expect(load).not.toHaveBeenCalled();
  expect(unload).not.toHaveBeenCalled();
});

it("tells what the store holds, or of it what answers", async () => {
  const url = `${await start(true)}/index`;
  expect(await post(url)).toEqual({ status: 200, body: INDEX });
  expect(await post(url, { ready: true })).toEqual({ status: 200, body: INDEX.slice(0, 1) });
  expect(await post(url, { ready: "yes" })).toMatchObject({ status: 400 });
});

it("loads and unloads what it is told to", async () => {
  const url = `${await start(true)}/models/flowers`;
  expect(await post(`${url}/load`)).toEqual({ status: 200, body: {} });
  await post(`${url}/load`, { parameters: { version: "abc" } });
  expect(load.mock.calls).toEqual([
    ["flowers", undefined],
    ["flowers", "abc"],
  ]);
  const request = { parameters: { unload_dependents: false } };
  expect(await post(`${url}/unload`, request)).toEqual({ status: 200, body: {} });
  expect(unload).toHaveBeenCalledExactlyOnceWith("flowers");
});

it("refuses what it does not offer, and passes on what the repository says", async () => {
  const url = `${await start(true)}/models/flowers/load`;
  for (const parameters of [{ config: "{}" }, { "file:1/model.onnx": "" }]) {
    expect(await post(url, { parameters })).toMatchObject({ status: 400 });
  }
  expect(await post(url, "x".repeat(70_000))).toMatchObject({ status: 413 });
  expect(load).not.toHaveBeenCalled();
  load.mockRejectedValue(new ProblemError("model-conflict", "Too many."));
  expect(await post(url)).toEqual({ status: 409, body: { error: "Too many." } });
});

it("counts the answers and failures of a named model as its own, and its labels not at all", async () => {
  const base = (await start(false)).replace("/repository", "/models/flowers/infer");
  const ask = () =>
    fetch(base, { method: "POST", body: "{}", headers: { authorization: "Bearer x" } });
  infer.mockResolvedValueOnce({
    model: flowers,
    predictions: [{ label: "rose", probability: 1, probabilities: { rose: 1, tulip: 0 } }],
    asked: { binary: false },
    ...{ times: { decode: 1, queue: 1, infer: 1 }, waited: 1 },
  });
  expect((await ask()).status).toBe(200);
  expect(infer.mock.lastCall?.[2], "by its digest").toBe(flowers.digest);
  infer.mockRejectedValueOnce(new Error("broken"));
  expect((await ask()).status).toBe(500);
  expect(release, "both leases").toHaveBeenCalledTimes(2);
  const metrics = await registry.metrics();
  for (const outcome of ["ok", "failed"]) {
    expect(metrics).toContain(
      `inference_requests_total{model="flowers",version="2",outcome="${outcome}"} 1`,
    );
  }
  expect(metrics).not.toContain('label="rose"');
});
