import { once } from "node:events";
import type { Server } from "node:http";
import pino from "pino";
import { Registry } from "prom-client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ImageError } from "../../model/image-error.ts";
import type { ModelMetadata } from "../../model/metadata.ts";
import { createAdmission } from "../admission.ts";
import { jobAnswerSchema } from "../answer-schemas.ts";
import { createApp } from "../app.ts";
import type { BatchQueue } from "../batch/batch-queue.ts";
import { createBudget } from "../batch/budget.ts";
import { createMemoryQueue } from "../batch/memory-queue.ts";
import { createPhotoPrediction } from "../batch/predict-photo.ts";
import type { Lifecycle } from "../lifecycle.ts";
import { createMetrics } from "../metrics.ts";
import { createModelRepository } from "../model-repository.ts";
import { createHttpServer, listen } from "../server.ts";
import { createSlowBodies } from "../slow-bodies.ts";
import { eventually } from "../testing/eventually.ts";
import type { PoolAnswer } from "../worker-pool/job.ts";
import type { Pool } from "../worker-pool/pool.ts";

const model = { name: "m", version: "1", digest: "sha256:1" } as unknown as ModelMetadata;
const build = { version: "1", commit: "c", node: "v0", onnxruntime: "0" };
const log = pino({ level: "silent" });
const MAX_BYTES = 2000;
/** What makes bytes a JPEG for those who do not decode it. */
const START = new Uint8Array([0xff, 0xd8, 0xff]);

let base: string;
let server: Server;
let lifecycle: Lifecycle;
let queue: BatchQueue;
let registry: Registry;
const predict = vi.fn<Pool["predict"]>();

const answerOf = (label: string): PoolAnswer<"predict"> => ({
  ...{ model, times: { decode: 1, queue: 1, infer: 1 }, waited: 1 },
  prediction: { label, probability: 1, probabilities: { [label]: 1 } },
});

beforeEach(async () => {
  predict.mockReset().mockImplementation(async (image) => {
    const text = Buffer.from(image.subarray(START.length)).toString();
    if (text === "bad") throw new ImageError("undecodable", "Broken; send another.");
    return answerOf(text);
  });
  lifecycle = { phase: "serving", model };
  registry = new Registry();
  const unused = { infer: vi.fn(), use: vi.fn(), grow: vi.fn(), stop: vi.fn() };
  const pool = { ...unused, predict, ready: () => 1, queued: () => 0 } as unknown as Pool;
  const metrics = createMetrics(registry, {
    queueDepth: pool.queued,
    workersReady: pool.ready,
    batchJobs: async () => ({ ...(await queue.counts()) }),
    build,
  });
  queue = createMemoryQueue({
    prediction: createPhotoPrediction(pool, metrics),
    ...{ photosAtOnce: 2, maxJobs: 2, attempts: 1, backoffMs: 1, retentionSeconds: 60, log },
  });
  const body = { maxBytes: MAX_BYTES, timeoutSeconds: 3600 };
  const app = createApp({
    repository: createModelRepository({ directory: "none", maxModels: 1, pool, lifecycle, log }),
    ...{ pool, lifecycle, build, metrics, log, body, deadlineSeconds: 600, maxBatch: 1 },
    admission: createAdmission({ sustained: 1, burst: 1, recoverMs: 1 }),
    slowBodies: createSlowBodies({ maxBytes: 0, patienceMs: 0 }),
    batch: {
      ...{ queue, body, retentionSeconds: 60, maxStreams: 1 },
      budget: createBudget(2 * MAX_BYTES),
      photos: { maxFiles: 3, maxFileBytes: 500 },
    },
  });
  server = createHttpServer(app, 5);
  base = `http://127.0.0.1:${await listen(server, 0, "127.0.0.1")}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const form = (texts: readonly string[], field = "files"): FormData => {
  const made = new FormData();
  for (const [index, text] of texts.entries()) {
    made.append(field, new Blob([START, text]), `${index}.jpg`);
  }
  return made;
};
const formOfText = (): FormData => {
  const made = new FormData();
  made.append("files", "{}");
  return made;
};
const post = (body: FormData | string) => fetch(`${base}/batch`, { method: "POST", body });
const submit = async (texts: readonly string[]): Promise<string> => {
  const response = await post(form(texts));
  expect(response.status).toBe(202);
  const answer = (await response.json()) as { job_id: string; status: string };
  expect(answer).toEqual({ job_id: expect.any(String), status: "queued" });
  expect(response.headers.get("location")).toBe(`/jobs/${answer.job_id}`);
  return answer.job_id;
};
const job = async (id: string) =>
  jobAnswerSchema.parse(await (await fetch(`${base}/jobs/${id}`)).json());
const ended = (id: string) =>
  eventually(async () => {
    const answer = await job(id);
    expect(answer.finished).not.toBeNull();
    return answer;
  });
const codeOf = async (response: Response): Promise<unknown> => {
  const { type, status } = (await response.json()) as { type: string; status: number };
  expect(response.status).toBe(status);
  return type.replace("urn:image-classification:problem:", "");
};
const holdAll = () => {
  const held = Promise.withResolvers<void>();
  predict.mockImplementation(async () => {
    await held.promise;
    return answerOf("late");
  });
  return held.resolve;
};

describe("POST /batch", () => {
  it("takes photos, and gives each its prediction or its error", async () => {
    const answer = await ended(await submit(["cat", "bad", ""]));
    expect(answer).toMatchObject({ status: "completed", total: 3, done: 3, failed: 1 });
    expect(answer.durable).toBe(false);
    expect(Date.parse(answer.expires ?? "")).toBe(Date.parse(answer.finished ?? "") + 60_000);
    expect(answer.items).toMatchObject([
      { file: "0.jpg", status: "completed", label: "cat", model: { digest: "sha256:1" } },
      { file: "1.jpg", status: "failed", error: { detail: "Broken; send another." } },
      { file: "2.jpg", status: "completed" },
    ]);
    for (const [, , options] of predict.mock.calls) {
      expect(options).toEqual({ priority: "background" });
    }
    const metrics = await registry.metrics();
    expect(metrics).toContain('batch_photos_total{outcome="completed"} 2');
    expect(metrics).toContain('batch_photos_total{outcome="failed"} 1');
    expect(metrics).toContain('predictions_total{label="cat"} 1');
    expect(metrics).toContain('batch_jobs{state="waiting"} 0');
  });

  it.each([
    ["wrong-field", () => form(["a"], "file")],
    ["missing-part", () => form([])],
    ["too-many-parts", () => form(["a", "b", "c", "d"])],
    ["body-too-large", () => form(["a".repeat(501)])],
    [
      "body-too-large",
      () => form(["a".repeat(490), "b".repeat(490), "c".repeat(490), "d".repeat(490)]),
    ],
    ["unsupported-type", () => "text"],
    ["unsupported-type", () => formOfText()],
  ])("refuses with %s", async (code, body) => {
    expect(await codeOf(await post(body()))).toBe(code);
    expect(await queue.counts()).toEqual({ waiting: 0, active: 0 });
  });

  it("refuses before it reads the body when too many jobs wait, and says when to come back", async () => {
    const letGo = holdAll();
    const ids = [await submit(["a"]), await submit(["b"])];
    const refused = await post(form(["c"]));
    expect(refused.headers.get("retry-after")).toBe("10");
    expect(await codeOf(refused)).toBe("queue-full");
    letGo();
    for (const id of ids) await ended(id);
    await submit(["d"]);
  });

  it("refuses what would be too much for its memory, uploads included", async () => {
    const letGo = holdAll();
    const large = "x".repeat(450);
    const id = await submit([large, large, large]);
    const slow = new AbortController();
    const body = new ReadableStream({
      start: (controller) => controller.enqueue(new Uint8Array(1)),
      pull: () => new Promise(() => undefined),
    });
    const arrived = once(server, "request");
    const hanging = fetch(`${base}/batch`, {
      ...{ method: "POST", body, duplex: "half", signal: slow.signal },
      headers: { "content-type": "multipart/form-data; boundary=x" },
    } as RequestInit).catch(() => undefined);
    await arrived;
    // The one that drips may become as large as any.
    expect(await codeOf(await post(form(["a"])))).toBe("queue-full");
    slow.abort();
    await hanging;
    await eventually(async () => void (await submit(["a"])));
    letGo();
    await ended(id);
  });

  it("answers 503 before there is a model, and as soon as a drain begins", async () => {
    // Without the body, which nobody reads: the connection may end before it is sent.
    const ask = () =>
      fetch(`${base}/batch`, {
        method: "POST",
        headers: { "content-type": "multipart/form-data; boundary=x" },
      });
    lifecycle.model = undefined;
    expect(await codeOf(await ask())).toBe("starting");
    lifecycle.model = model;
    lifecycle.phase = "draining";
    expect(await codeOf(await ask())).toBe("draining");
  });
});

describe("/jobs/:id", () => {
  it("knows no other ids", async () => {
    for (const id of ["x", "..%2f", "3f0c6a52-7b1f-4c7e-9d1a-0c5b8f2f3a11"]) {
      expect(await codeOf(await fetch(`${base}/jobs/${id}`))).toBe("not-found");
      expect(await codeOf(await fetch(`${base}/jobs/${id}/events`))).toBe("not-found");
      expect(await codeOf(await fetch(`${base}/jobs/${id}`, { method: "DELETE" }))).toBe(
        "not-found",
      );
    }
  });

  it("forgets a job that is deleted", async () => {
    const letGo = holdAll();
    const id = await submit(["a", "b", "c"]);
    expect(await job(id)).toMatchObject({ finished: null, expires: null, done: 0 });
    expect((await fetch(`${base}/jobs/${id}`, { method: "DELETE" })).status).toBe(204);
    expect((await fetch(`${base}/jobs/${id}`)).status).toBe(404);
    letGo();
  });

  it("tells a job's progress as events, to so many clients at once", async () => {
    const letGo = holdAll();
    const id = await submit(["a", "b", "c"]);
    expect((await fetch(`${base}/jobs/${id}/events`, { method: "HEAD" })).status).toBe(200);
    const stream = await fetch(`${base}/jobs/${id}/events`);
    expect(stream.headers.get("content-type")).toBe("text/event-stream");
    expect(await codeOf(await fetch(`${base}/jobs/${id}/events`))).toBe("queue-full");
    letGo();
    const events = (await stream.text()).trim().split("\n\n");
    expect(events[0]).toMatch(/^event: progress\ndata: {"status":"active","total":3,"done":0/);
    expect(events.at(-1)).toMatch(
      /^event: completed\ndata: {"status":"completed","total":3,"done":3/,
    );
    await eventually(async () =>
      expect(await (await fetch(`${base}/jobs/${id}/events`)).text()).toMatch(/^event: completed/),
    );
  });

  it("keeps no place for a client that left before its events began", async () => {
    holdAll();
    const id = await submit(["a"]);
    const { progressOf } = queue;
    const [asked, left, answer] = [0, 1, 2].map(() => Promise.withResolvers<void>());
    vi.spyOn(queue, "progressOf").mockImplementationOnce(async (wanted) => {
      asked?.resolve();
      await answer?.promise;
      return progressOf(wanted);
    });
    server.once("request", (_, outgoing) => outgoing.once("close", () => left?.resolve()));
    const client = new AbortController();
    const lost = fetch(`${base}/jobs/${id}/events`, { signal: client.signal });
    await asked?.promise;
    client.abort();
    await expect(lost).rejects.toThrow(/abort/);
    await left?.promise;
    answer?.resolve();
    // The first request's handler is done when this one is answered.
    expect((await fetch(`${base}/livez`)).status).toBe(200);
    const next = await fetch(`${base}/jobs/${id}/events`);
    expect(next.status).toBe(200);
    await next.body?.cancel();
  });

  it("ends the events when the job is deleted, and when the service drains", async () => {
    holdAll();
    const id = await submit(["a"]);
    const stream = await fetch(`${base}/jobs/${id}/events`);
    await fetch(`${base}/jobs/${id}`, { method: "DELETE" });
    expect(await stream.text()).toMatch(/event: deleted\ndata: {}\n\n$/);
    const other = await submit(["b"]);
    const open = await eventually(async () => {
      const response = await fetch(`${base}/jobs/${other}/events`);
      expect(response.status).toBe(200);
      return response;
    });
    lifecycle.phase = "draining";
    expect(await open.text()).not.toMatch(/completed|deleted/);
  });
});
