import type { Server } from "node:http";
import { connect } from "node:net";
import pino from "pino";
import { Registry } from "prom-client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ImageError } from "../model/image-error.ts";
import type { ModelMetadata } from "../model/metadata.ts";
import { createAdmission } from "./admission.ts";
import { createApp } from "./app.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { METRIC } from "./metric-names.ts";
import { createMetrics } from "./metrics.ts";
import { createModelRepository } from "./model-repository.ts";
import { createHttpServer, listen } from "./server.ts";
import { createSlowBodies } from "./slow-bodies.ts";
import { eventually } from "./testing/eventually.ts";
import type { PoolAnswer } from "./worker-pool/job.ts";
import type { Pool } from "./worker-pool/pool.ts";
import { WorkerCrashedError } from "./worker-pool/worker-crashed-error.ts";

const model = {
  name: "cats-dogs",
  version: "abc",
  digest: "sha256:abc",
  labels: ["cat", "dog"],
  training: { source: "sample" },
  metrics: { test: { accuracy: 0.99 } },
  build: { gitCommit: "c0ffee" },
} as unknown as ModelMetadata;

const answer: PoolAnswer<"predict"> = {
  model,
  prediction: { label: "cat", probability: 0.9, probabilities: { cat: 0.9, dog: 0.1 } },
  times: { decode: 1, queue: 2, infer: 3 },
  waited: 4,
};
const build = { version: "1.2.3", commit: "c0ffee", node: "v0", onnxruntime: "0" };

let base: string;
let server: Server;
let lifecycle: Lifecycle;
let registry: Registry;
let logged: Record<string, unknown>[];
const predict = vi.fn<Pool["predict"]>();
const ready = vi.fn(() => 2);

/** @param deadlineSeconds unless a test is about it longer than any test waits */
const start = async (deadlineSeconds = 600): Promise<void> => {
  lifecycle = { phase: "serving", model };
  registry = new Registry();
  logged = [];
  predict.mockReset().mockResolvedValue(answer);
  ready.mockReset().mockReturnValue(2);
  const pool: Pool = {
    predict,
    infer: vi.fn(),
    ready,
    queued: () => 5,
    use: vi.fn(),
    grow: vi.fn(),
    add: vi.fn(),
    remove: vi.fn(),
    stop: vi.fn(),
  };
  const log = pino({ level: "debug" }, { write: (line) => logged.push(JSON.parse(line)) });
  const app = createApp({
    pool,
    repository: createModelRepository({ directory: "none", maxModels: 1, pool, lifecycle, log }),
    lifecycle,
    build,
    admission: createAdmission({ sustained: 1, burst: 2, recoverMs: 60_000 }),
    metrics: createMetrics(registry, {
      queueDepth: pool.queued,
      workersReady: pool.ready,
      build,
    }),
    body: { maxBytes: 1000, timeoutSeconds: 1 },
    slowBodies: createSlowBodies({ maxBytes: 0, patienceMs: 0 }),
    deadlineSeconds,
    maxBatch: 2,
    log,
  });
  server = createHttpServer(app, 1);
  base = `http://127.0.0.1:${await listen(server, 0, "127.0.0.1")}`;
};
const stop = async (): Promise<void> => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
};
beforeEach(() => start());
afterEach(stop);

const post = (
  body: string | FormData,
  headers: Record<string, string> = { "content-type": "image/jpeg" },
) => fetch(`${base}/predict`, { method: "POST", body, headers });
const sample = async (name: string, labels: Record<string, string> = {}) => {
  const metric = await registry.getSingleMetric(name)?.get();
  const wanted = Object.entries(labels);
  return metric?.values.find((v) => wanted.every(([k, x]) => v.labels[k] === x))?.value;
};
/** Sends bytes as they are, and gives what comes back until the server closes. */
const raw = (text: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(base).port), "127.0.0.1", () => socket.write(text));
    let received = "";
    socket.on("data", (chunk) => {
      received += chunk;
    });
    socket.on("close", () => resolve(received)).on("error", reject);
  });

const expectProblem = async (response: Response, status: number, code: string) => {
  expect(response.status).toBe(status);
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  const problem = (await response.json()) as Record<string, unknown>;
  expect(problem).toMatchObject({ status, type: `urn:image-classification:problem:${code}` });
  expect(problem["requestId"]).toBe(response.headers.get("x-request-id"));
  expect(problem["detail"]).toMatch(/^[^\n]+$/);
  return problem;
};

describe("POST /predict", () => {
  it("answers label, probabilities and model, from a raw body and from a form", async () => {
    const expected = {
      label: "cat",
      probability: 0.9,
      probabilities: { cat: 0.9, dog: 0.1 },
      model: { name: "cats-dogs", version: "abc", digest: "sha256:abc" },
    };
    const form = new FormData();
    form.set("image", new Blob(["bytes"]), "x.jpg");
    for (const response of [await post("bytes"), await post(form, {})]) {
      expect(response.status).toBe(200);
      expect(await response.json()).toEqual(expected);
    }
    for (const [image] of predict.mock.calls) expect(Buffer.from(image).toString()).toBe("bytes");
  });

  it("explains itself only when asked, and where the model can", async () => {
    const explain = (value: string) =>
      fetch(`${base}/predict?explain=${value}`, {
        method: "POST",
        body: "bytes",
        headers: { "content-type": "image/jpeg" },
      });
    expect(await (await explain("0")).json()).not.toHaveProperty("explanation");
    expect(predict.mock.lastCall?.[2]?.extras).toBeUndefined();
    await expectProblem(await explain("yes"), 400, "bad-request");
    await expectProblem(await explain("1"), 409, "model-conflict");
    expect(predict, "neither took a worker").toHaveBeenCalledTimes(1);

    const able: ModelMetadata = {
      ...model,
      activation: { features: "f", embedding: "e", weights: "w" },
      preprocessing: { inputSize: 3, resizeTo: 4 } as ModelMetadata["preprocessing"],
    };
    lifecycle.model = able;
    const scores = { cat: Float32Array.of(-1, 1, 2, 3), dog: new Float32Array(4) };
    predict.mockResolvedValue({ ...answer, model: able, map: { width: 2, height: 2, scores } });
    expect(await (await explain("1")).json()).toMatchObject({
      label: "cat",
      explanation: {
        ...{ method: "class-activation-map", label: "cat", width: 2, height: 2, covers: 0.75 },
        values: [
          [0, 0.5],
          [0.75, 1],
        ],
        scores: { least: -1, greatest: 3 },
      },
    });
    expect(predict.mock.lastCall?.[2]?.extras).toEqual({ map: true, projections: false });
    predict.mockResolvedValue({
      ...{ ...answer, model: able },
      map: { width: 2, height: 2, scores: { cat: new Float32Array(4).fill(7) } },
    });
    const flat = (await (await explain("1")).json()) as { explanation: { values: unknown } };
    expect(flat.explanation.values, "alike everywhere").toEqual([
      [0, 0],
      [0, 0],
    ]);
  });

  it("counts by model, label, stage and confidence", async () => {
    await post("bytes");
    expect(await sample(METRIC.inferences, { model: "cats-dogs", outcome: "ok" })).toBe(1);
    expect(await sample(METRIC.predictions, { label: "cat" })).toBe(1);
    const metrics = await registry.metrics();
    expect(metrics).toContain('prediction_confidence_bucket{le="0.8"} 0');
    expect(metrics).toContain('prediction_confidence_bucket{le="0.9"} 1');
    expect(metrics).toContain('inference_stage_duration_seconds_sum{stage="queue"} 0.006');
    expect(metrics).toContain('inference_stage_duration_seconds_sum{stage="decode"} 0.001');
    expect(metrics).toContain('inference_stage_duration_seconds_sum{stage="infer"} 0.003');
    expect(metrics).toContain("inference_queue_depth 5");
    expect(metrics).toContain("inference_workers_ready 2");
    expect(metrics).toContain('build_info{version="1.2.3",commit="c0ffee",');
  });

  it.each([
    ["unsupported-type", 415, new ImageError("unsupported-type", "No image."), "decode"],
    ["empty", 400, new ImageError("empty", "Nothing."), "decode"],
    ["undecodable", 422, new ImageError("undecodable", "Broken."), "decode"],
    ["too-many-pixels", 422, new ImageError("too-many-pixels", "Large."), "decode"],
    ["animated", 422, new ImageError("animated", "Moves."), "decode"],
    ["worker-crashed", 500, new WorkerCrashedError("exit 1"), "backend"],
    ["internal", 500, new Error("secret"), "backend"],
  ])("turns a failed prediction into %s", async (code, status, error, reason) => {
    predict.mockRejectedValue(error);
    const problem = await expectProblem(await post("bytes"), status, code);
    expect(JSON.stringify(problem)).not.toContain("secret");
    expect(await sample(METRIC.failures, { reason })).toBe(1);
    expect(await sample(METRIC.inferences, { outcome: "failed" })).toBe(1);
    if (status === 500) expect(logged.some((line) => line["err"])).toBe(true);
  });

  it("gives up at the deadline", async () => {
    await stop();
    await start(0.05);
    predict.mockImplementation(
      (_, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
        }),
    );
    await expectProblem(await post("bytes"), 504, "deadline");
    expect(await sample(METRIC.failures, { reason: "deadline" })).toBe(1);
    expect(await sample(METRIC.requests, { status: "504" })).toBe(1);
  });

  it("gives up at the client's own deadline, with the body or before it", async () => {
    predict.mockImplementation(
      (_, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
        }),
    );
    const headers = { "content-type": "image/jpeg", "request-timeout": "0.02" };
    const late = await expectProblem(await post("bytes", headers), 504, "deadline");
    expect(late["detail"]).toContain("within 0.02 s");
    // Nobody sends the rest of this body, and nobody waits the second that a body may take.
    const unfinished = await raw(
      "POST /predict HTTP/1.1\r\nhost: x\r\nrequest-timeout: 0.02\r\ncontent-type: image/jpeg\r\ncontent-length: 9\r\n\r\nabc",
    );
    expect(unfinished).toMatch(/^HTTP\/1.1 504 /);
    expect(await sample(METRIC.failures, { reason: "cancelled" })).toBe(2);
    predict.mockClear();
    const impatient = { ...headers, "request-timeout": "0" };
    await expectProblem(await post("bytes", impatient), 504, "deadline");
    expect(await sample(METRIC.requests, { status: "499" }), "given up by the client").toBe(3);
    expect(await sample(METRIC.requests, { status: "504" }), "no failure here").toBeUndefined();
    expect(logged.at(-1)).toMatchObject({ level: 30, status: 499, answered: 504 });
    await expectProblem(
      await post("x", { ...headers, "request-timeout": "soon" }),
      400,
      "bad-request",
    );
    expect(predict, "refused before anything is done").not.toHaveBeenCalled();
  });

  it("lets no client wait longer than the service does", async () => {
    await stop();
    await start(1);
    predict.mockImplementation(
      (_, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
        }),
    );
    const patient = await post("bytes", { "content-type": "image/jpeg", "request-timeout": "60" });
    expect((await expectProblem(patient, 504, "deadline"))["detail"]).toContain("within 1 s");
    // Its time runs from its headers on, so that it is over a moment before the service's own.
    const alike = await post("bytes", { "content-type": "image/jpeg", "request-timeout": "1" });
    await expectProblem(alike, 504, "deadline");
    expect(await sample(METRIC.requests, { status: "504" }), "the service was too slow").toBe(2);
    expect(await sample(METRIC.failures, { reason: "deadline" })).toBe(2);
  });

  it("frees the slot of a client that hangs up, and aborts its prediction", async () => {
    const aborted = Promise.withResolvers<unknown>();
    const begun = Promise.withResolvers<void>();
    predict.mockImplementation((_, signal) => {
      begun.resolve();
      return new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => {
          aborted.resolve(signal.reason);
          reject(signal.reason);
        });
      });
    });
    const controller = new AbortController();
    const gone = fetch(`${base}/predict`, {
      method: "POST",
      body: "bytes",
      headers: { "content-type": "image/jpeg" },
      signal: controller.signal,
    }).catch(() => "gone");
    await begun.promise;
    controller.abort();
    expect(await gone).toBe("gone");
    expect(await aborted.promise).toMatchObject({ code: "cancelled" });
    await eventually(async () =>
      expect(await sample(METRIC.failures, { reason: "cancelled" })).toBe(1),
    );
    expect(await sample(METRIC.requests, { status: "499" })).toBe(1);
  });

  it("refuses above its slots before it reads the body, and says when to come back", async () => {
    const release = Promise.withResolvers<PoolAnswer<"predict">>();
    predict.mockReturnValue(release.promise);
    const held = [post("a"), post("b")];
    await eventually(() => expect(predict).toHaveBeenCalledTimes(2));
    // The headers alone: had the service waited for the body, nothing would come back.
    const refused = await raw(
      "POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: image/jpeg\r\ncontent-length: 9\r\nconnection: close\r\n\r\n",
    );
    expect(refused).toMatch(/^HTTP\/1.1 429 /);
    expect(refused).toMatch(/\r\nretry-after: 1\r\n/);
    expect(await sample(METRIC.failures, { reason: "rejected" })).toBe(1);
    release.resolve(answer);
    for (const response of held) expect((await response).status).toBe(200);
  });

  it("answers 503 without a model, and while it closes", async () => {
    lifecycle.model = undefined;
    const starting = await post("bytes");
    expect(starting.headers.get("retry-after")).toBe("1");
    await expectProblem(starting, 503, "starting");
    lifecycle.model = model;
    lifecycle.phase = "closing";
    await expectProblem(await post("bytes"), 503, "draining");
    expect(predict).not.toHaveBeenCalled();
  });

  it("answers itself before it serves, uncounted, and nobody else", async () => {
    lifecycle.model = undefined;
    lifecycle.proof = "the secret";
    const asked = (proof: string) =>
      fetch(`${base}/predict`, {
        method: "POST",
        body: "bytes",
        headers: { "content-type": "image/jpeg", "x-proof": proof },
      });
    await expectProblem(await asked("a guess"), 503, "starting");
    expect((await asked("the secret")).status).toBe(200);
    expect(await sample(METRIC.predictions, { label: answer.prediction.label })).toBeUndefined();
    delete lifecycle.proof;
    await expectProblem(await asked("the secret"), 503, "starting");
  });

  it("answers 413 by Content-Length, and without one as soon as it is too much", async () => {
    await expectProblem(await post("x".repeat(1001)), 413, "body-too-large");
    // The headers alone are enough.
    const declared = await raw(
      "POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: image/jpeg\r\ncontent-length: 1001\r\nconnection: close\r\n\r\n",
    );
    expect(declared).toMatch(/^HTTP\/1.1 413 /);
    const chunked = await raw(
      `POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: image/jpeg\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n3e9\r\n${"x".repeat(1001)}\r\n`,
    );
    expect(chunked).toMatch(/^HTTP\/1.1 413 /);
    expect((await post("x".repeat(1000))).status).toBe(200);
  });

  it("answers 408 to a body that drips", async () => {
    const answered = await raw(
      "POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: image/jpeg\r\ncontent-length: 9\r\n\r\nabc",
    );
    expect(answered).toMatch(/^HTTP\/1.1 408 /);
    expect(answered).toContain("application/problem+json");
  });

  it("asks for a body that waits for permission only when it wants it", async () => {
    const head =
      "POST /predict HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\nconnection: close\r\n";
    const small = `${head}content-type: image/jpeg\r\ncontent-length: 3\r\n\r\n`;
    expect(await raw(`${small}abc`)).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 /);
    const wrong = `${head}content-type: text/plain\r\ncontent-length: 3\r\n\r\n`;
    expect(await raw(wrong)).toMatch(/^HTTP\/1.1 415 /);
  });
});

describe("routes", () => {
  it("answers 405 with Allow, and 404, as problems", async () => {
    const wrong = await fetch(`${base}/predict`);
    expect(wrong.headers.get("allow")).toBe("POST");
    await expectProblem(wrong, 405, "method-not-allowed");
    const post = await fetch(`${base}/livez`, { method: "POST" });
    expect(post.headers.get("allow")).toBe("GET, HEAD");
    await expectProblem(await fetch(`${base}/nothing`), 404, "not-found");
    await expectProblem(await fetch(`${base}/page/nothing.js`), 404, "not-found");
    expect(await sample(METRIC.requests, { route: "/page/:script", status: "404" })).toBe(1);
    expect(await sample(METRIC.requests, { route: "other", status: "404" })).toBe(1);
    expect(await sample(METRIC.requests, { route: "/predict", status: "405" })).toBe(1);
  });

  it("says on /status that monitoring is off, and lets the page load nothing", async () => {
    const response = await fetch(`${base}/status`);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(response.headers.get("content-security-policy")).toMatch(/^default-src 'none'/);
    expect(await response.text()).toContain("Monitoring is off");
  });

  it("has every failure's series from the start, so that the first one is an increase", async () => {
    const text = await registry.metrics();
    for (const metric of [METRIC.failures, METRIC.modelRefusals, METRIC.workerFaults]) {
      expect(text).toMatch(new RegExp(`^${metric}\\{.*\\} 0$`, "m"));
    }
  });

  it("reports health by phase", async () => {
    const status = async (path: string) => {
      const response = await fetch(`${base}${path}`);
      return [response.status, ((await response.json()) as { status: string }).status];
    };
    expect(await status("/readyz")).toEqual([200, "ok"]);
    lifecycle.phase = "draining";
    expect(await status("/readyz")).toEqual([503, "draining"]);
    expect(await status("/health")).toEqual([503, "draining"]);
    expect(await status("/livez")).toEqual([200, "ok"]);
    lifecycle.phase = "serving";
    lifecycle.model = undefined;
    expect(await status("/readyz")).toEqual([503, "starting"]);
    lifecycle.model = model;
    ready.mockReturnValue(0);
    expect(await status("/readyz")).toEqual([503, "starting"]);
  });

  it("tells in /health what serves and what is served", async () => {
    const health = await (await fetch(`${base}/health`)).json();
    expect(health).toMatchObject({ status: "ok", model: { digest: "sha256:abc" }, build });
  });

  it("lists the routes", async () => {
    expect(await (await fetch(base)).json()).toMatchObject({ routes: { "/predict": "POST" } });
  });

  it("closes connections while draining, and still answers", async () => {
    lifecycle.phase = "draining";
    const response = await post("bytes");
    expect(response.status).toBe(200);
    expect(response.headers.get("connection")).toBe("close");
  });
});

describe("request ids and logs", () => {
  it("takes over a plausible id, and replaces another", async () => {
    const echoed = await post("x", { "content-type": "image/jpeg", "x-request-id": "a-1.b:c" });
    expect(echoed.headers.get("x-request-id")).toBe("a-1.b:c");
    const replaced = await post("x", { "content-type": "image/jpeg", "x-request-id": "a b{}" });
    expect(replaced.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    expect(logged.map((line) => line["requestId"])).toContain("a-1.b:c");
  });

  it("logs a probe's success at debug only", async () => {
    await fetch(`${base}/livez`);
    await eventually(() => expect(logged).toHaveLength(1));
    expect(logged[0]).toMatchObject({ level: 20, route: "/livez", status: 200 });
  });
});

describe("what is no usable HTTP", () => {
  it.each([
    ["NONSENSE\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nhost: a b\r\n\r\n", 400],
    [`GET / HTTP/1.1\r\nhost: x\r\ny: ${"z".repeat(20_000)}\r\n\r\n`, 431],
    ["POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: abc\r\n\r\n", 400],
  ])("is a problem, too: %#", async (text, status) => {
    const answered = await raw(text.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n"));
    expect(answered).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answered).toContain("application/problem+json");
    expect(JSON.parse(answered.slice(answered.indexOf("\r\n\r\n")))).toMatchObject({ status });
  });
});
