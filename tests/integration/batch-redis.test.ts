import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import pino, { type Logger } from "pino";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import type { BatchQueue } from "../../service/batch/batch-queue.ts";
import type { Outcome, Photo, Task } from "../../service/batch/job.ts";
import { createRedisJobs } from "../../service/batch/redis-jobs.ts";
import { createRedisQueue } from "../../service/batch/redis-queue.ts";
import { backboneModel } from "../fixtures/backbone-model.ts";
import { endedJob, type JobAnswer, jobOf, sendBatch, submitBatch } from "../fixtures/batches.ts";
import { eventually } from "../fixtures/eventually.ts";
import { useModelStore } from "../fixtures/model-store.ts";
import { colourImage, stubModel } from "../fixtures/models.ts";
import { type RedisServer, startRedis, withoutRedis } from "../fixtures/redis-server.ts";
import type { ServiceProcess } from "../fixtures/service-process.ts";

const skipped = await withoutRedis();
const store = useModelStore();
/** More of them by hand: KILLS=50. */
const KILLS = Number(process.env["KILLS"] ?? 10);
const SEED = Number(process.env["SEED"] ?? 1);

let home: string;
let redis: RedisServer;
beforeEach(async () => {
  if (skipped) return;
  home = await mkdtemp(join(tmpdir(), "redis-"));
  redis = await startRedis(home);
  await store.publish(await stubModel());
});
afterEach(async () => {
  if (skipped) return;
  await redis.kill();
  await rm(home, { recursive: true });
});

const start = async (env: Readonly<Record<string, string>> = {}): Promise<ServiceProcess> => {
  const service = await store.start({
    env: { REDIS_URL: redis.url, LOG_LEVEL: "info", ...env },
  });
  await service.serving();
  return service;
};
const scrape = (service: ServiceProcess): Promise<Response> =>
  // Far longer than any scraper waits.
  fetch(`${service.metricsUrl}/metrics`, { signal: AbortSignal.timeout(60_000) });
/** Numbers from 0 to 1 that a seed decides on (mulberry32). */
const random = (seed: number) => {
  let state = seed;
  return (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

const model = { name: "m", version: "1", digest: "sha256:1" };
const PREDICT: Task = { kind: "predict" };
const completed = (label: string) => ({
  ...{ status: "completed" as const, model },
  prediction: { label, probability: 1, probabilities: {} },
});
/** A queue of this process, whose photos are texts. */
const openQueue = (options: {
  readonly servedModel: () => string;
  readonly predict: (text: string) => Promise<Outcome>;
  /** @default nothing is logged */
  readonly log?: Logger;
}): BatchQueue =>
  createRedisQueue({
    servedModel: options.servedModel,
    work: {
      compute: ({ bytes }) => options.predict(Buffer.from(bytes).toString()),
      giveUp: () => ({
        status: "failed",
        error: { code: "internal", detail: "", givenUp: true },
      }),
    },
    ...{ url: redis.url, photosAtOnce: 4, maxJobs: 5, attempts: 3, backoffMs: 10 },
    // Long enough for a busy machine: who loses it has its photos begun again.
    ...{ leaseSeconds: 10, retentionSeconds: 60, log: options.log ?? pino({ level: "silent" }) },
    // Every photo comes from Redis; services hold theirs.
    heldBytes: 0,
  });
/** The jobs in Redis, with nobody who computes them. */
const openJobs = (connection = new Redis(redis.url)) => {
  onTestFinished(() => connection.disconnect());
  return createRedisJobs(connection, 60);
};
const photosOf = (...texts: string[]): Photo[] =>
  texts.map((name) => ({ name, bytes: new Uint8Array(Buffer.from(name)) }));
const submitTo =
  (queue: BatchQueue) =>
  (...texts: string[]): Promise<string> =>
    queue.submit(photosOf(...texts), PREDICT, () => undefined);

describe.skipIf(skipped)(`a queue in Redis${skipped}`, () => {
  it("answers as the one in memory does, forgets the photos, and says that jobs last", async () => {
    const service = await start();
    const [red, blue] = [await colourImage("red"), await colourImage("blue")];
    const job = await endedJob(
      service,
      await submitBatch(service, [red, blue, red.subarray(0, 100), red]),
    );
    expect(job).toMatchObject({ status: "completed", total: 4, done: 4, failed: 1, durable: true });
    expect(job.items.map(({ label, status }) => label ?? status)).toEqual([
      ...["cat", "dog", "failed", "cat"],
    ]);
    expect(await redis.keys("*:photos:*"), "no photo outlives its job").toEqual([]);
    const metrics = await (await fetch(`${service.metricsUrl}/metrics`)).text();
    expect(metrics, "the same photo and model: asked once").toMatch(
      /^batch_photos_total\{outcome="completed"\} [23]$/m,
    );
    expect((await fetch(`${service.url}/jobs/${job.job_id}`, { method: "DELETE" })).status).toBe(
      204,
    );
    expect((await fetch(`${service.url}/jobs/${job.job_id}`)).status).toBe(404);
    expect(await redis.keys("*:job:*")).toEqual([]);
  });

  it("lets another replica see the job, and hands jobs back when it drains", async () => {
    // Longer than anybody waits here: what is not handed back is not taken over.
    const lease = { BATCH_LEASE: "3600" };
    const first = await start({ WORKERS: "1", ...lease });
    const photos = await Promise.all(
      Array.from({ length: 50 }, (_, i) => colourImage(`rgb(255, ${i}, 0)`)),
    );
    const ids = [await submitBatch(first, photos), await submitBatch(first, photos.slice(0, 40))];
    expect(await first.stop("SIGTERM")).toBe(0);
    const second = await start(lease);
    for (const id of ids) {
      const job = await endedJob(second, id);
      expect(job).toMatchObject({ status: "completed", failed: 0 });
      expect(new Set(job.items.map(({ label }) => label))).toEqual(new Set(["cat"]));
    }
  });

  it("says at once that the queue is away, goes on when it is back, and serves /predict all the time", async () => {
    const service = await start();
    const red = await colourImage("red");
    await redis.kill();
    const refused = await eventually(async () => {
      const response = await sendBatch(service, [red]);
      expect(response.status).toBe(503);
      return response;
    });
    expect(refused.headers.get("retry-after")).toBe("2");
    expect(await refused.json()).toMatchObject({
      type: "urn:image-classification:problem:queue-unavailable",
    });
    const predicted = await fetch(`${service.url}/predict`, {
      ...{ method: "POST", body: new Uint8Array(red) },
      headers: { "content-type": "image/jpeg" },
    });
    expect(predicted.status).toBe(200);
    expect((await scrape(service)).status).toBe(200);
    await redis.start();
    const id = await eventually(() => submitBatch(service, [red]));
    expect(await endedJob(service, id)).toMatchObject({ status: "completed" });
  });

  it("has the other metrics scraped while Redis hangs", async () => {
    const service = await start();
    redis.pause();
    const response = await scrape(service);
    expect(response.status).toBe(200);
    expect(await response.text()).toMatch(/^inference_workers_ready \d/m);
  });

  it("does not compute a batch that it refused because Redis hung", async () => {
    const predicted: string[] = [];
    const queue = openQueue({
      servedModel: () => model.digest,
      predict: async (text) => {
        predicted.push(text);
        return completed(text);
      },
    });
    const submit = submitTo(queue);
    const ended = (id: string) =>
      eventually(async () => expect((await queue.find(id))?.progress.status).toBe("completed"));
    await ended(await eventually(() => submit("before")));
    redis.pause();
    await expect(submit("refused")).rejects.toMatchObject({ code: "queue-unavailable" });
    redis.resume();
    // What was asked while Redis hung is answered before these, whose every step is behind it on its connection.
    for (const text of ["first", "second"]) await ended(await eventually(() => submit(text)));
    expect(predicted).toEqual(["before", "first", "second"]);
    await queue.stop();
  });

  it("has photos processed by the service that comes next, and one picture of each", async () => {
    await store.publish(await backboneModel());
    const outputs = await mkdtemp(join(tmpdir(), "outputs-"));
    onTestFinished(() => rm(outputs, { recursive: true }));
    const env = { STORAGE_DIR: outputs, BATCH_LEASE: "1" };
    const dies = await start(env);
    const photos = Array.from({ length: 30 }, async (_, i) => colourImage(i % 2 ? "red" : "blue"));
    const query = "?task=process&steps=segment,export";
    const id = await submitBatch(dies, await Promise.all(photos), query);
    // Pictures are there before their photos have outcomes: some of them are made twice.
    await eventually(async () => expect(await readdir(outputs)).not.toEqual([]));
    await dies.stop("SIGKILL");
    const job = await endedJob(await start(env), id);
    expect(job).toMatchObject({ task: "process", status: "completed", done: 30, failed: 0 });
    const links = job.items.map(
      ({ output_url: link }) => /[0-9a-f-]{36}\.png/.exec(link ?? "")?.[0],
    );
    expect(new Set(links).size).toBe(30);
    // What was being written when the process died has another ending.
    const kept = (await readdir(outputs)).filter((name) => name.endsWith(".png"));
    expect(kept.sort()).toEqual(links.sort());
  });

  it("refuses batches as too many when Redis' memory is full", async () => {
    const service = await start();
    const red = await colourImage("red");
    await endedJob(service, await submitBatch(service, [red]));
    await redis.command("config", "set", "maxmemory", "1");
    const refused = await sendBatch(service, [red]);
    expect(refused.status).toBe(429);
    expect(refused.headers.get("retry-after")).toBe("10");
    await redis.command("config", "set", "maxmemory", "0");
    await endedJob(service, await eventually(() => submitBatch(service, [red])));
  });

  it("computes what an older version has put there, without its photos' digests", async () => {
    const jobs = openJobs();
    await jobs.add("id", photosOf("a", "b"), PREDICT);
    await redis.command("hdel", "image-classification:job:id", "contents");
    const photos = (await jobs.begin("id"))?.photos ?? [];
    const taken = await jobs.take("id", photos, { model: "m", count: false, bytes: true });
    expect(taken.map(({ bytes }) => bytes?.toString())).toEqual(["a", "b"]);
  });

  it("begins and ends what it has when Redis' memory is full, which frees it", async () => {
    const jobs = openJobs();
    await jobs.add("id", photosOf("a"), PREDICT);
    await redis.command("config", "set", "maxmemory", "1");
    const photos = (await jobs.begin("id"))?.photos ?? [];
    expect(await jobs.take("id", photos, { model: "m", count: true, bytes: true })).toHaveLength(1);
    await jobs.record("id", [{ index: 0, outcome: completed("a") }]);
    await redis.command("config", "set", "maxmemory", "0");
    expect(await jobs.progressOf("id")).toMatchObject({ status: "completed", done: 1 });
    expect(await redis.keys("*:photos:*")).toEqual([]);
  });

  it("begins no job that is deleted meanwhile", async () => {
    const jobs = openJobs();
    await jobs.add("id", photosOf("a", "b"), PREDICT);
    await jobs.confirm("id");
    const connection = new Redis(redis.url);
    const hkeys = async (): Promise<string[]> => {
      // Behind what was read of the job before.
      await connection.ping();
      await jobs.remove("id");
      return [];
    };
    expect(await openJobs(Object.assign(connection, { hkeys })).begin("id")).toBeUndefined();
    expect(await redis.keys("*")).toEqual([]);
    // As a replica of an older version leaves it.
    await redis.command("hset", "image-classification:job:id", "begun", "1");
    expect(await jobs.record("id", [{ index: 0, outcome: completed("a") }])).toBe(false);
    expect(await redis.keys("*:outcomes:*")).toEqual([]);
  });

  it("forgets the outcomes of a job that nobody ends, and not before the job", async () => {
    const jobs = openJobs();
    await jobs.add("id", photosOf("a", "b"), PREDICT);
    await jobs.confirm("id");
    await jobs.record("id", [{ index: 0, outcome: completed("a") }]);
    const outcomes = "image-classification:outcomes:id";
    const ttl = async (): Promise<number> => Number((await redis.command("ttl", outcomes))[0]);
    expect(await ttl()).toBeGreaterThan(0);
    await redis.command("expire", outcomes, "1000");
    expect((await jobs.begin("id"))?.photos.map(({ index }) => index)).toEqual([1]);
    expect(await ttl()).toBeGreaterThan(1000);
  });

  it("takes and records several photos in one step, and none of them twice", async () => {
    const jobs = openJobs();
    await jobs.add("id", photosOf("a", "b", "c"), PREDICT);
    const photos = (await jobs.begin("id"))?.photos ?? [];
    const first = photos.slice(0, 2);
    expect(await jobs.take("id", first, { model: undefined, count: false, bytes: true })).toEqual([
      { begun: 0, known: undefined, bytes: Buffer.from("a") },
      { begun: 0, known: undefined, bytes: Buffer.from("b") },
    ]);
    const computed = { content: photos[0]?.content ?? "", model: "m" };
    const givenUp: Outcome = {
      status: "failed",
      error: { code: "internal", detail: "", givenUp: true },
    };
    const results = [
      { index: 1, outcome: givenUp },
      { index: 0, outcome: completed("a"), computed },
    ];
    const unfetched = { model: undefined, count: false, bytes: false };
    expect(await jobs.take("id", first, unfetched)).toEqual(
      first.map(() => ({ begun: 0, known: undefined, bytes: undefined })),
    );
    expect(await jobs.record("id", results)).toBe(true);
    expect(await jobs.record("id", [{ index: 0, outcome: givenUp }])).toBe(true);
    expect(await jobs.progressOf("id")).toEqual({ status: "active", total: 3, done: 2, failed: 1 });

    await jobs.add("other", photosOf("d", "a"), PREDICT);
    const others = (await jobs.begin("other"))?.photos ?? [];
    for (const begun of [1, 2]) {
      expect(await jobs.take("other", others, { model: "m", count: true, bytes: true })).toEqual([
        { begun, known: undefined, bytes: Buffer.from("d") },
        { begun, known: completed("a"), bytes: undefined },
      ]);
    }

    await jobs.record("id", [{ index: 2, outcome: completed("c") }]);
    expect(await jobs.find("id")).toMatchObject({
      progress: { status: "failed", total: 3, done: 3, failed: 1 },
      finished: expect.any(Number),
      items: [{ outcome: completed("a") }, { outcome: givenUp }, { outcome: completed("c") }],
    });
    expect(await jobs.take("id", first, { model: undefined, count: false, bytes: true })).toEqual(
      first.map(() => ({ begun: 0, known: undefined, bytes: undefined })),
    );
    expect(await redis.keys("*:photos:id")).toEqual([]);
  });

  it("tries again what fails, lists what it gives up, and computes no photo twice for a model", async () => {
    let served = model.digest;
    const asked: string[] = [];
    const queue = openQueue({
      servedModel: () => served,
      predict: async (text) => {
        asked.push(text);
        if (text === "never" || (text === "later" && asked.length < 4)) throw new Error("crash");
        return { ...completed(text), model: { ...model, digest: served } };
      },
    });
    const submit = submitTo(queue);
    const outcome = (id: string) =>
      eventually(async () => {
        const job = await queue.find(id);
        expect(job?.finished).toBeDefined();
        return job?.progress;
      });
    const times = (text: string) => asked.filter((other) => other === text).length;
    const first = await eventually(() => submit("now", "later", "never"));
    expect(await outcome(first)).toMatchObject({ status: "failed", done: 3, failed: 1 });
    expect(["now", "later", "never"].map(times)).toEqual([1, 2, 3]);
    expect(await redis.keys("*:dead-letters")).toHaveLength(1);
    expect(await outcome(await submit("now", "new"))).toMatchObject({ status: "completed" });
    expect(times("now"), "known by its content and the model").toBe(1);
    served = "sha256:2";
    expect(await outcome(await submit("now"))).toMatchObject({ status: "completed" });
    expect(times("now"), "another model answers anew").toBe(2);
    await queue.stop();
  });

  it("logs why it gave a photo up, and not what Redis was asked", async () => {
    const logged: string[] = [];
    const queue = openQueue({
      servedModel: () => model.digest,
      predict: async () => {
        // As ioredis' errors are.
        const command = { name: "auth", args: ["secret"] };
        throw Object.assign(new Error("refused"), { command });
      },
      log: pino({ level: "error" }, { write: (line) => logged.push(line) }),
    });
    const job = await eventually(() => submitTo(queue)("a"));
    await eventually(() => expect(logged).not.toEqual([]));
    expect(JSON.parse(logged[0] ?? "")).toMatchObject({
      ...{ job, index: 0 },
      err: { type: "Error", message: "refused", stack: expect.stringContaining("at ") },
    });
    expect(logged.join("")).not.toContain("secret");
    await queue.stop();
  });

  it("begins no photo again while it is computed, though another one's outcome cannot be written", async () => {
    const gates = { quick: Promise.withResolvers<void>(), slow: Promise.withResolvers<void>() };
    const asked: string[] = [];
    const queue = openQueue({
      servedModel: () => model.digest,
      predict: async (text) => {
        asked.push(text);
        if (text === "quick" || text === "slow") await gates[text].promise;
        return completed(text);
      },
    });
    const submit = submitTo(queue);
    const ended = (id: string) =>
      eventually(async () => expect((await queue.find(id))?.progress.status).toBe("completed"));
    // Photos are recorded by eight: the slow one is of another group.
    const others = ["1", "2", "3", "4", "5", "6", "7"];
    const id = await eventually(() => submit("quick", ...others, "slow"));
    await eventually(() => expect(asked).toHaveLength(9));
    const outcomes = `image-classification:outcomes:${id}`;
    await redis.command("set", outcomes, "no hash");
    gates.quick.resolve();
    // The write has failed when another job, behind it on the same connection, has ended.
    await ended(await submit("a"));
    await redis.command("del", outcomes);
    for (const text of ["b", "c", "d"]) await ended(await submit(text));
    expect(asked.filter((text) => text === "slow")).toHaveLength(1);
    gates.slow.resolve();
    await ended(id);
    expect(
      asked.filter((text) => text === "quick"),
      "its outcome was lost",
    ).toHaveLength(2);
    await queue.stop();
  });

  it(`loses nothing and does nothing twice, ${KILLS} times that the service or Redis is killed`, {
    timeout: 600_000 + KILLS * 60_000,
  }, async () => {
    const next = random(SEED);
    const photos = await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        colourImage(i % 3 ? `rgb(255,${i},0)` : `rgb(0,${i},255)`),
      ),
    );
    const right = photos.map((_, i) => (i % 3 ? "cat" : "dog"));
    // Who died is soon missed.
    const lease = { BATCH_LEASE: "1" };
    let service = await start(lease);
    const accepted = new Set<string>();
    /** What each photo was seen to be, by job: it must stay so. */
    const seen = new Map<string, string>();
    let submitting = true;
    const submit = async (): Promise<void> => {
      while (submitting) {
        const begin = Math.floor(next() * 20);
        // Each photo once in its bytes, so that none is known from another job.
        const own = photos
          .slice(begin, begin + 20)
          .map((photo) => Buffer.concat([photo, Buffer.from(String(accepted.size) + next())]));
        const id = await submitBatch(service, own).catch(() => undefined);
        if (id) {
          accepted.add(id);
          for (const [index, label] of right.slice(begin, begin + 20).entries()) {
            seen.set(`${id} ${index} expected`, label);
          }
        }
        await new Promise((resolve) => setTimeout(resolve, 20 + next() * 100));
      }
    };
    const look = (job: JobAnswer): void => {
      expect(job.done).toBeLessThanOrEqual(job.total);
      for (const [index, item] of job.items.entries()) {
        const key = `${job.job_id} ${index}`;
        const before = seen.get(key);
        const now = JSON.stringify(item);
        if (before !== undefined) expect(now, "an outcome never changes").toBe(before);
        if (item.status !== "waiting") seen.set(key, now);
      }
    };
    const submitted = submit();
    for (let kill = 0; kill < KILLS; kill += 1) {
      await new Promise((resolve) => setTimeout(resolve, 200 + next() * 1500));
      const recent = [...accepted].slice(-3);
      for (const id of recent) await jobOf(service, id).then(look, () => undefined);
      if (next() < 0.5) {
        await service.stop("SIGKILL");
        service = await start(lease);
      } else {
        await redis.kill();
        await redis.start();
      }
    }
    submitting = false;
    await submitted;
    process.stderr.write(`${KILLS} kills (seed ${SEED}): ${accepted.size} batches of 20 photos\n`);
    expect(accepted.size).toBeGreaterThan(KILLS / 2);
    for (const id of accepted) {
      const job = await endedJob(service, id);
      look(job);
      expect(job, id).toMatchObject({ status: "completed", done: 20, failed: 0, total: 20 });
      for (const [index, { label }] of job.items.entries()) {
        expect(label).toBe(seen.get(`${id} ${index} expected`));
      }
    }
    // Those of batches too that were not taken, because the service or Redis died over them.
    await eventually(async () => expect(await redis.keys("*:photos:*")).toEqual([]));
    expect(await redis.keys("*:dead-letters")).toEqual([]);
  });
});
