import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { processAnswerSchema } from "../../service/process/answer-schema.ts";
import { backboneModel } from "../fixtures/backbone-model.ts";
import { endedJob, jobOf, sendBatch, submitBatch } from "../fixtures/batches.ts";
import { eventually } from "../fixtures/eventually.ts";
import { useModelStore } from "../fixtures/model-store.ts";
import { colourImage, stubModel } from "../fixtures/models.ts";
import type { ServiceProcess } from "../fixtures/service-process.ts";
import { predict } from "../fixtures/service-requests.ts";

const store = useModelStore();

const start = async (env: Readonly<Record<string, string>> = {}): Promise<ServiceProcess> => {
  await store.publish(await stubModel());
  const service = await store.start({ env });
  await service.serving();
  return service;
};

const REQUESTS = 300;
type Asked<Beside> = {
  /** Milliseconds. */
  readonly took: number;
  readonly requestId: string | null;
  /** What was there when it was sent. */
  readonly beside: Beside;
};

/** Sends requests one after the other. @param look what is there beside each of them */
const askInTurn = async <Beside>(
  service: ServiceProcess,
  image: Uint8Array,
  look: () => Beside,
): Promise<Asked<Beside>[]> => {
  const asked: Asked<Beside>[] = [];
  for (let i = 0; i < REQUESTS; i += 1) {
    const beside = look();
    const begun = performance.now();
    const { response } = await predict(service, image);
    const took = performance.now() - begun;
    expect(response.status).toBe(200);
    asked.push({ took, beside, requestId: response.headers.get("x-request-id") });
  }
  return asked;
};

/** Keeps the queue full until it is told to stop. @returns the batches that were taken, too */
const fillQueue = (service: ServiceProcess, photo: Uint8Array) => {
  const photos = Array.from({ length: 50 }, () => photo);
  const ids: string[] = [];
  let feeding = true;
  const feed = async (): Promise<void> => {
    while (feeding) {
      const response = await sendBatch(service, photos);
      const body = (await response.json()) as { job_id?: string };
      if (body.job_id) ids.push(body.job_id);
      else await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const fed = feed();
  const stop = (): Promise<void> => {
    feeding = false;
    return fed;
  };
  return { ids, stop };
};

const p99 = (asked: readonly Asked<unknown>[]): number => {
  const times = asked.map(({ took }) => took).sort((a, b) => a - b);
  return times[Math.ceil(0.99 * times.length) - 1] ?? Number.NaN;
};

/** When a request came and when it was answered, by the service's own clock; milliseconds since 1970. */
const timesOf = async (service: ServiceProcess, requestId: string | null) => {
  const line = await service.logged(
    ({ msg, requestId: id }) => msg === "request" && id === requestId,
  );
  const answered = Date.parse(String(line["time"]));
  return { came: answered - Number(line["milliseconds"]), answered };
};

describe("a batch", () => {
  it("is predicted by a real service, and its events end with its results", async () => {
    const service = await start();
    const [red, blue] = [await colourImage("red"), await colourImage("blue", "png")];
    const id = await submitBatch(service, [red, blue, red.subarray(0, 50)]);
    const events = await (await fetch(`${service.url}/jobs/${id}/events`)).text();
    expect(events).toMatch(/event: completed\ndata: .*"done":3/);
    const job = await jobOf(service, id);
    expect(job).toMatchObject({ status: "completed", failed: 1, durable: false });
    expect(job.items.map(({ file, label }) => [file, label])).toEqual([
      ["0.jpg", "cat"],
      ["1.jpg", "dog"],
      ["2.jpg", undefined],
    ]);
  });

  it("is processed as /process does it, pictures included", async () => {
    await store.publish(await backboneModel());
    const outputs = await mkdtemp(join(tmpdir(), "outputs-"));
    onTestFinished(() => rm(outputs, { recursive: true }));
    const service = await store.start({ env: { STORAGE_DIR: outputs } });
    await service.serving();
    const photos = [await colourImage("red"), await colourImage("blue", "png")];
    const query = "?steps=segment,qa,tag,export&background=white";
    const id = await submitBatch(service, photos, `${query}&task=process`);
    const { items, ...job } = await endedJob(service, id);
    expect(job).toMatchObject({ task: "process", status: "completed", done: 2, failed: 0 });
    for (const [index, photo] of photos.entries()) {
      const alone = await fetch(`${service.url}/process${query}`, {
        ...{ method: "POST", body: new Uint8Array(photo) },
        headers: { "content-type": "application/octet-stream" },
      });
      const {
        status: _,
        output_url: own,
        ...result
      } = processAnswerSchema.parse(await alone.json());
      const { output_url: link, ...item } = items[index] ?? {};
      expect(item).toEqual({ file: `${index}.jpg`, status: "completed", ...result });
      const [picture, expected] = await Promise.all(
        [link, own].map(async (path) => {
          const response = await fetch(`${service.url}${path}`);
          expect([response.status, response.headers.get("content-type")]).toEqual([
            ...[200, "image/png"],
          ]);
          return Buffer.from(await response.arrayBuffer());
        }),
      );
      expect(expected?.equals(picture ?? Buffer.of())).toBe(true);
    }
  });

  it("ends with the service that has it in its memory, which says so and waits for what is computed", async () => {
    const service = await start({ WORKERS: "1" });
    const red = await colourImage("red");
    const photos = Array.from({ length: 50 }, () => red);
    // As many as it takes, so that it has some left however late the signal comes.
    for (let i = 0; i < 16; i += 1) await submitBatch(service, photos);
    expect(await service.stop("SIGTERM")).toBe(0);
    const lost = service.logs.find(({ msg }) => msg.startsWith("unfinished batches end"));
    expect(lost?.["jobs"]).toBeGreaterThan(0);
  });

  it("never starves /predict: what comes while the queue is full is answered before the queue's end", async () => {
    const service = await start({ DEADLINE: "60" });
    const large = await colourImage("red");
    const nothing = () => undefined;
    await askInTurn(service, large, nothing);
    const alone = p99(await askInTurn(service, large, nothing));

    const { ids, stop } = fillQueue(service, large);
    let asked: Asked<string[]>[];
    try {
      await eventually(async () => {
        const metrics = await (await fetch(`${service.metricsUrl}/metrics`)).text();
        expect(metrics).toMatch(/batch_jobs\{state="waiting"\} [1-9]/);
      });
      asked = await askInTurn(service, large, () => ids.slice(-2));
    } finally {
      await stop();
    }
    const beside = p99(asked);
    process.stderr.write(
      `p99 of /predict: ${alone.toFixed(1)} ms alone, ${beside.toFixed(1)} ms beside ${ids.length} batches, ${(beside / alone).toFixed(1)} times as long\n`,
    );

    const ends = new Map<string, number>();
    for (const id of ids) {
      const job = await endedJob(service, id);
      expect(job).toMatchObject({ status: "completed", done: 50 });
      ends.set(id, Date.parse(job.finished ?? ""));
    }
    // An order and no times: the machine may be busy. How few photos pass a request is counted in the pool's own test.
    let whileFull = 0;
    for (const { requestId, beside: last } of asked) {
      const { came, answered } = await timesOf(service, requestId);
      const [lastButOne = 0, end = 0] = last.map((id) => ends.get(id));
      if (came >= lastButOne) continue;
      whileFull += 1;
      expect(answered).toBeLessThan(end);
    }
    expect(whileFull).toBeGreaterThan(0);
  });
});
