import { once } from "node:events";
import type { Server } from "node:http";
import { join } from "node:path";
import pino from "pino";
import { Registry } from "prom-client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ImageError } from "../../model/image-error.ts";
import type { ModelMetadata } from "../../model/metadata.ts";
import { ModelError } from "../../model/model-error.ts";
import { createAdmission } from "../admission.ts";
import { createApp } from "../app.ts";
import type { BatchQueue } from "../batch/batch-queue.ts";
import { createBudget } from "../batch/budget.ts";
import { jobAnswerSchema } from "../batch/job-schemas.ts";
import { createMemoryQueue } from "../batch/memory-queue.ts";
import { createPhotoWork } from "../batch/photo-work.ts";
import { createPredictPhoto } from "../batch/predict-photo.ts";
import { createProcessPhoto } from "../batch/process-photo.ts";
import type { Lifecycle } from "../lifecycle.ts";
import { createMetrics } from "../metrics.ts";
import { createModelRepository } from "../model-repository.ts";
import { readProcessConfig } from "../process/config.ts";
import type { Processed } from "../process/process-photo.ts";
import type { Processor } from "../process/processor.ts";
import { createHttpServer, listen } from "../server.ts";
import { createSlowBodies } from "../slow-bodies.ts";
import type { Storage } from "../storage/storage.ts";
import { eventually } from "../testing/eventually.ts";
import type { PoolAnswer } from "../worker-pool/job.ts";
import type { Pool } from "../worker-pool/pool.ts";

const model = { name: "m", version: "1", digest: "sha256:1" } as unknown as ModelMetadata;
const build = { version: "1", commit: "c", node: "v0", onnxruntime: "0" };
const log = pino({ level: "silent" });
const MAX_BYTES = 2000;
const reference = { directory: "/models", digest: "sha256:1" };
const PROCESSED: Processed["answer"] = {
  ...{ status: "ok", width: 640, height: 480, steps: [], foreground_share: null },
  tags: { category: "shoe", category_confidence: 0.9 },
  qa: { min_size_ok: true, issues: [{ code: "BLURRY", measured: 7, limit: 50 }] },
};
/** What makes bytes a JPEG for those who do not decode it. */
const START = new Uint8Array([0xff, 0xd8, 0xff]);

let base: string;
let server: Server;
let lifecycle: Lifecycle;
let queue: BatchQueue;
let registry: Registry;
const predict = vi.fn<Pool["predict"]>();
const process = vi.fn<Processor["process"]>();
const put = vi.fn<Storage["put"]>();
const signedUrl = vi.fn<Storage["signedUrl"]>();

const answerOf = (label: string): PoolAnswer<"predict"> => ({
  ...{ model, times: { decode: 1, queue: 1, infer: 1 }, waited: 1 },
  prediction: { label, probability: 1, probabilities: { [label]: 1 } },
});

/** @param store whether pictures are kept */
const start = async (store: boolean): Promise<void> => {
  const config = await readProcessConfig(join(import.meta.dirname, "../../configs"));
  predict.mockReset().mockImplementation(async (image) => {
    const text = Buffer.from(image.subarray(START.length)).toString();
    if (text === "bad") throw new ImageError("undecodable", "Broken; send another.");
    return answerOf(text);
  });
  process.mockReset().mockImplementation(async ({ image, steps, picture }) => {
    const text = Buffer.from(image.subarray(START.length)).toString();
    if (text === "bad") throw new ImageError("undecodable", "Broken; send another.");
    if (text === "old") throw new ModelError("missing", "Train it again.");
    return {
      answer: { ...PROCESSED, steps: [...steps] },
      ...(picture && { picture: new Uint8Array(Buffer.from(`picture of ${text}`)) }),
    };
  });
  put.mockReset().mockResolvedValue("");
  signedUrl.mockReset().mockImplementation(async (key) => `https://s3.example.org/${key}`);
  lifecycle = { phase: "serving", model, reference };
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
    work: createPhotoWork(
      {
        predict: createPredictPhoto(pool, metrics),
        process: createProcessPhoto({
          ...{ processor: { process }, lifecycle, metrics },
          storage: store ? { put } : undefined,
        }),
      },
      metrics,
    ),
    ...{ photosAtOnce: 2, maxJobs: 2, attempts: 1, backoffMs: 1, retentionSeconds: 60, log },
  });
  const body = { maxBytes: MAX_BYTES, timeoutSeconds: 3600 };
  const app = createApp({
    repository: createModelRepository({ directory: "none", maxModels: 1, pool, lifecycle, log }),
    ...{ pool, lifecycle, build, metrics, log, body, deadlineSeconds: 600, maxBatch: 1 },
    admission: createAdmission({ sustained: 1, burst: 1, recoverMs: 1 }),
    slowBodies: createSlowBodies({ maxBytes: 0, patienceMs: 0 }),
    ...(store && { storage: { storage: { signedUrl } as unknown as Storage } }),
    batch: {
      ...{ queue, config, body, retentionSeconds: 60, maxStreams: 1 },
      budget: createBudget(2 * MAX_BYTES),
      photos: { maxFiles: 3, maxFileBytes: 500 },
    },
  });
  server = createHttpServer(app, 5);
  base = `http://127.0.0.1:${await listen(server, 0, "127.0.0.1")}`;
};
const stop = async (): Promise<void> => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
};
beforeEach(() => start(false));
afterEach(stop);

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
const post = (body: FormData | string, query = "") =>
  fetch(`${base}/batch${query}`, { method: "POST", body });
const submit = async (texts: readonly string[], query = ""): Promise<string> => {
  const response = await post(form(texts), query);
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

describe("POST /batch?task=process", () => {
  it("gives each photo what /process would say of it, or its error", async () => {
    const answer = await ended(
      await submit(["shoe", "bad"], "?task=process&steps=tag,qa&background=white"),
    );
    expect(answer).toMatchObject({ task: "process", status: "completed", done: 2, failed: 1 });
    const { status: _, ...result } = { ...PROCESSED, steps: ["qa", "tag"] };
    expect(answer.items).toEqual([
      { file: "0.jpg", status: "completed", ...result, output_url: null, model },
      { file: "1.jpg", status: "failed", error: expect.objectContaining({}) },
    ]);
    expect(process.mock.calls[0]?.slice(0, 2)).toEqual([
      expect.objectContaining({ steps: ["qa", "tag"], background: "white", picture: false }),
      reference,
    ]);
    for (const [, , , options] of process.mock.calls) {
      expect(options, "behind the photos of /process").toEqual({ priority: "background" });
    }
    expect(predict).not.toHaveBeenCalled();
    expect(put).not.toHaveBeenCalled();
    const metrics = await registry.metrics();
    expect(metrics).toContain('process_issues_total{code="BLURRY"} 1');
    expect(metrics).toContain('batch_photos_total{outcome="completed"} 1');
    expect(metrics).toContain('batch_photos_total{outcome="failed"} 1');
  });

  it("keeps pictures when asked to, and signs their links anew for each answer", async () => {
    await stop();
    await start(true);
    const id = await submit(["shoe", "bag"], "?task=process&steps=export");
    const answer = await ended(id);
    const kept = put.mock.calls.map(([key, bytes, type]) => ({
      key,
      ...{ text: Buffer.from(bytes).toString(), type },
    }));
    expect(kept).toEqual(
      ["shoe", "bag"].map((name) => ({
        ...{ key: expect.stringMatching(/^[0-9a-f-]{36}\.png$/), type: "image/png" },
        text: `picture of ${name}`,
      })),
    );
    expect(answer.items).toMatchObject(
      kept.map(({ key }) => ({ output_url: `https://s3.example.org/${key}` })),
    );
    const signed = signedUrl.mock.calls.length;
    await job(id);
    expect(signedUrl.mock.calls.length).toBe(signed + 2);
  });

  it("gives a photo up whose picture the storage does not take", async () => {
    await stop();
    await start(true);
    put.mockRejectedValueOnce(new Error("secret"));
    const answer = await ended(await submit(["shoe", "bag"], "?task=process&steps=export"));
    expect(answer).toMatchObject({ status: "failed", done: 2, failed: 1 });
    expect(answer.items.map(({ status }) => status).sort()).toEqual(["completed", "failed"]);
    expect(JSON.stringify(answer)).not.toContain("secret");
  });

  it("says that the model cannot do it, in the words of /process", async () => {
    const answer = await ended(await submit(["old"], "?task=process"));
    expect(answer).toMatchObject({ status: "failed", failed: 1 });
    expect(answer.items[0]).toMatchObject({
      error: {
        type: "urn:image-classification:problem:unsupported-model",
        detail: "Train it again.",
      },
    });
  });

  it.each([
    ["?task=paint", /task is predict or process/],
    ["?steps=qa", /send task=process as well/],
    ["?task=predict&background=white", /send task=process as well/],
    ["?task=process&background=blue", /transparent or white/],
    ["?task=process&steps=export", /keeps no pictures; leave the step export out/],
  ])("refuses %s before it reads the body", async (query, detail) => {
    const response = await post(form(["shoe"]), query);
    expect(response.status).toBe(400);
    expect((await response.json()) as object).toMatchObject({
      detail: expect.stringMatching(detail),
    });
    expect(await queue.counts()).toEqual({ waiting: 0, active: 0 });
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
