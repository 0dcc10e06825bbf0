import type { Server } from "node:http";
import { join } from "node:path";
import pino from "pino";
import { Registry } from "prom-client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ImageError } from "../../model/image-error.ts";
import type { ModelMetadata } from "../../model/metadata.ts";
import { ModelError } from "../../model/model-error.ts";
import { createAdmission } from "../admission.ts";
import { type AppOptions, createApp } from "../app.ts";
import { createMetrics } from "../metrics.ts";
import { createModelRepository } from "../model-repository.ts";
import { processAnswerSchema } from "../process/answer-schema.ts";
import { readProcessConfig } from "../process/config.ts";
import type { Processed } from "../process/process-photo.ts";
import type { Processor } from "../process/processor.ts";
import { createHttpServer, listen } from "../server.ts";
import { createSlowBodies } from "../slow-bodies.ts";
import type { Storage } from "../storage/storage.ts";
import { eventually } from "../testing/eventually.ts";
import type { Pool } from "../worker-pool/pool.ts";

const model = { name: "cats-dogs", version: "abc", digest: "sha256:abc" } as ModelMetadata;
const reference = { directory: "/models/abc", digest: "sha256:abc" };
const build = { version: "1.2.3", commit: "c0ffee", node: "v0", onnxruntime: "0" };
const PNG = new Uint8Array([0x89, 0x50, 0x4e, 0x47]);
const processed: Processed = {
  answer: {
    status: "ok",
    width: 1024,
    height: 1024,
    tags: { category: "shoe", dominant_color: "black" },
    qa: {
      min_size_ok: true,
      sharpness: "blurry",
      issues: [{ code: "BLURRY", measured: 3, limit: 50 }],
    },
    foreground_share: 0.4,
    steps: ["segment", "qa", "tag"],
  },
  picture: PNG,
};

let base: string;
let server: Server;
let registry: Registry;
let lifecycle: AppOptions["lifecycle"];
const process = vi.fn<Processor["process"]>();
const put = vi.fn<Storage["put"]>();
const signedUrl = async (key: string) => `https://s3.example.org/${key}?signature=1`;

const start = async (
  store?: { put: typeof put; signedUrl: typeof signedUrl },
  always = false,
  deadlineSeconds = 1,
): Promise<void> => {
  const config = await readProcessConfig(join(import.meta.dirname, "../../configs"));
  registry = new Registry();
  lifecycle = { phase: "serving", model, reference };
  const unused = vi.fn();
  const pool: Pool = {
    predict: unused,
    infer: unused,
    use: unused,
    grow: unused,
    stop: unused,
    add: unused,
    remove: unused,
    ready: () => 2,
    queued: () => 0,
  };
  const log = pino({ level: "silent" });
  const app = createApp({
    pool,
    repository: createModelRepository({ directory: "none", maxModels: 1, pool, lifecycle, log }),
    lifecycle,
    build,
    processing: {
      processor: { process, stop: vi.fn() },
      config: { ...config, mvp: { ...config.mvp, export: always } },
      admission: createAdmission({ sustained: 1, burst: 1, recoverMs: 0 }),
      ...(store && { store }),
    },
    admission: createAdmission({ sustained: 1, burst: 1, recoverMs: 0 }),
    metrics: createMetrics(registry, { queueDepth: () => 0, workersReady: () => 2, build }),
    body: { maxBytes: 1000, timeoutSeconds: 1 },
    slowBodies: createSlowBodies({ maxBytes: 0, patienceMs: 0 }),
    deadlineSeconds,
    maxBatch: 1,
    log,
  });
  server = createHttpServer(app, 1);
  base = `http://127.0.0.1:${await listen(server, 0, "127.0.0.1")}`;
};
const stop = async (): Promise<void> => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
};
beforeEach(async () => {
  process.mockReset().mockResolvedValue(processed);
  put.mockReset().mockImplementation(async (key) => `s3://bucket/${key}`);
  await start();
});
afterEach(stop);

const post = (
  query = "",
  headers: Record<string, string> = {},
  body: string | FormData = "photo",
) =>
  fetch(`${base}/process${query}`, {
    method: "POST",
    body,
    headers: body instanceof FormData ? headers : { "content-type": "image/jpeg", ...headers },
  });
const expectProblem = async (response: Response, status: number, detail: RegExp) => {
  expect(response.status).toBe(status);
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  expect(((await response.json()) as { detail: string }).detail).toMatch(detail);
};

describe("POST /process", () => {
  it("answers the contract, from the part named file", async () => {
    const form = new FormData();
    form.set("file", new Blob(["a shoe"]), "shoe.jpg");
    const response = await post("", {}, form);
    expect(response.status).toBe(200);
    const answer = processAnswerSchema.parse(await response.json());
    expect(answer).toEqual({ ...processed.answer, output_url: null, model });
    const [request, used] = process.mock.calls[0] ?? [];
    expect(Buffer.from(request?.image ?? []).toString()).toBe("a shoe");
    expect(request).toMatchObject({
      steps: ["segment", "qa", "tag"],
      background: "transparent",
      picture: false,
    });
    expect(used).toBe(reference);
    const metrics = await registry.metrics();
    expect(metrics).toContain('process_issues_total{code="BLURRY"} 1');
    expect(metrics).toContain('process_issues_total{code="LOW_RESOLUTION"} 0');
    expect(metrics).toContain("process_duration_seconds_count 1");
  });

  it("takes steps in any order, and ignores those it does not know", async () => {
    await post("?steps=tag,dance,segment&background=white");
    expect(process.mock.calls[0]?.[0]).toMatchObject({
      steps: ["segment", "tag"],
      background: "white",
    });
  });

  it("gives the picture to those who accept it", async () => {
    const response = await post("", { accept: "image/png" });
    expect(response.headers.get("content-type")).toBe("image/png");
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(PNG);
    expect(response.headers.get("content-location"), "nothing was kept").toBeNull();
    expect(process.mock.calls[0]?.[0]).toMatchObject({ picture: true });
  });

  it.each([
    ["image/*", "image/png"],
    ["IMAGE/PNG", "image/png"],
    ["image/png,application/json;q=0.9", "image/png"],
    ["image/webp,image/png,*/*;q=0.8", "image/png"],
    ["*/*;q=0.1,image/png;q=0.2", "image/png"],
    ["image/png;q=0", "application/json"],
    ["image/png;q=0,image/*", "application/json"],
    ["image/png,application/json", "application/json"],
    ["application/json,image/png", "application/json"],
    ["image/png;q=0.5,*/*", "application/json"],
    ["*/*", "application/json"],
    ["text/html", "application/json"],
  ])("gives those who accept %s %s", async (accept, type) => {
    const response = await post("", { accept });
    expect(response.headers.get("content-type")).toBe(type);
    expect(response.headers.get("vary")).toBe("accept");
  });

  it("keeps the picture only when asked to, and where there is a store", async () => {
    await expectProblem(await post("?steps=segment,export"), 400, /keeps no pictures; ask/);
    expect(process).not.toHaveBeenCalled();
    await stop();
    await start({ put, signedUrl });
    expect(await (await post()).json()).toMatchObject({ output_url: null });
    expect(put).not.toHaveBeenCalled();
    const { output_url } = (await (await post("?steps=segment,export")).json()) as {
      output_url: string;
    };
    const [, key] =
      /^https:\/\/s3\.example\.org\/([0-9a-f-]{36}\.png)\?signature=1$/.exec(output_url) ?? [];
    expect(put).toHaveBeenCalledExactlyOnceWith(key, PNG, "image/png", expect.any(AbortSignal));
  });

  it("says beside the picture where it was kept", async () => {
    await stop();
    await start({ put, signedUrl });
    const response = await post("?steps=segment,export", { accept: "image/png" });
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(PNG);
    const [key] = put.mock.calls[0] ?? [];
    expect(response.headers.get("content-location")).toBe(await signedUrl(key ?? ""));
  });

  it("keeps every picture when mvp.yaml says so, and does not start without a store then", async () => {
    await stop();
    await expect(start(undefined, true)).rejects.toMatchObject({
      name: "SettingsError",
      message: expect.stringMatching(/there is no store; set mvp\.export to false/),
    });
    await start({ put, signedUrl }, true);
    expect(await (await post()).json()).toMatchObject({
      output_url: expect.stringMatching(/signature=1$/),
    });
  });

  it("refuses what it cannot do", async () => {
    await expectProblem(await post("?background=blue"), 400, /transparent or white/);
    await expectProblem(await post("", { "content-type": "text/plain" }), 415, /"file"/);
    await expectProblem(await post("", {}, "x".repeat(1001)), 413, /1000 bytes/);
    process.mockRejectedValue(new ImageError("undecodable", "It cannot be decoded."));
    await expectProblem(await post(), 422, /cannot be decoded/);
    process.mockRejectedValue(new ModelError("missing", "train again"));
    await expectProblem(await post(), 501, /train again/);
    process.mockRejectedValue(new Error("secret"));
    await expectProblem(await post(), 500, /the log has the reason/);
    lifecycle.model = undefined;
    await expectProblem(await post(), 503, /No model/);
  });

  it("has slots of its own, and refuses beyond them", async () => {
    await stop();
    await start(undefined, false, 3600);
    const release = Promise.withResolvers<Processed>();
    process.mockReturnValueOnce(release.promise);
    const held = post();
    await eventually(() => expect(process).toHaveBeenCalledTimes(1));
    const refused = await post();
    expect(refused.headers.get("retry-after")).toBe("1");
    await expectProblem(refused, 429, /busy/);
    release.resolve(processed);
    expect((await held).status).toBe(200);
    expect((await post()).status).toBe(200);
  });

  it("gives up at the deadline", async () => {
    process.mockImplementationOnce(
      (_request, _model, signal) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
        }),
    );
    await expectProblem(await post(), 504, /within 1 s/);
    expect((await post()).status, "the slot is free again").toBe(200);
  });

  it("gives up at the deadline on a store that says nothing", async () => {
    await stop();
    await start({ put, signedUrl });
    put.mockReturnValue(new Promise(() => {}));
    await expectProblem(await post("?steps=segment,export"), 504, /within 1 s/);
    expect(put.mock.calls[0]?.[3]?.aborted, "the store is told").toBe(true);
    expect((await post()).status, "the slot is free again").toBe(200);
  });

  it("waits for the store no longer than the client does", async () => {
    await stop();
    await start({ put, signedUrl }, true, 3600);
    put.mockReturnValue(new Promise(() => {}));
    await expectProblem(await post("", { "request-timeout": "0.5" }), 504, /within 0\.5 s/);
  });

  it("waits for the store no more when the client has hung up", async () => {
    await stop();
    await start({ put, signedUrl }, true, 3600);
    put.mockReturnValueOnce(new Promise(() => {}));
    const client = new AbortController();
    const held = fetch(`${base}/process`, {
      ...{ method: "POST", body: "photo", headers: { "content-type": "image/jpeg" } },
      signal: client.signal,
    });
    const gone = expect(held).rejects.toThrow();
    await eventually(() => expect(put).toHaveBeenCalledTimes(1));
    client.abort();
    await gone;
    await eventually(() => expect(put.mock.calls[0]?.[3]?.aborted).toBe(true));
    expect((await post()).status).toBe(200);
  });

  it("has its slot until the picture is kept", async () => {
    await stop();
    await start({ put, signedUrl }, true, 3600);
    const pending = Promise.withResolvers<string>();
    put.mockReturnValueOnce(pending.promise);
    const held = post();
    await eventually(() => expect(put).toHaveBeenCalledTimes(1));
    await expectProblem(await post(), 429, /busy/);
    pending.resolve("s3://bucket/a.png");
    expect((await held).status).toBe(200);
    expect((await post()).status).toBe(200);
  });
});
