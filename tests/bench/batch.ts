/*
 * Measures batches: photos a second of batches of 50 through the service, embedded and with Redis, against its worker pool
 * without HTTP and queue; the p99 of /predict for one client, alone and beside a full queue; and that of /livez there, with one
 * client and with 32. What is compared takes turns in short slices, because the machine's own speed drifts.
 *
 *   node tests/bench/batch.ts [--quick] [--model DIR] [--photos DIR]
 */
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as wait } from "node:timers/promises";
import { Command } from "commander";
import { resolveModel, writeModel } from "../../model/store.ts";
import { writeFileAtomic } from "../../model/write-atomic.ts";
import { jobOf, sendBatch } from "../fixtures/batches.ts";
import { readOutModel } from "../fixtures/models.ts";
import { startRedis } from "../fixtures/redis-server.ts";
import { type Contender, type Slice, startCeiling, startContender } from "./contenders.ts";
import { watchForeignCpu } from "./foreign-cpu.ts";
import { type Row, tableOf } from "./report.ts";
import { service } from "./servers.ts";
import { quantile, spreadOf } from "./statistics.ts";
import { batchBody, FORM_TYPE, ownBytes, readPhotos } from "./upload-bodies.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const SHARED = resolve(ROOT, "../shared");
const OUTPUT = join(ROOT, "artifacts/bench/batch.json");
const PHOTOS_A_BATCH = 50;
/** Batches in a slice: three seconds or so, as service.ts has. */
const BATCHES_A_SLICE = 12;
/** While one hears that its batch has ended, another one's is computed, and a third one's waits. */
const CLIENTS = 3;
const CLIENT_REQUESTS = 400;

const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

/** Sends a batch. Not by fetch, which copies the body: that took a thirtieth of what a photo costs. @returns its id */
const upload = async ({ url }: Contender, body: Buffer): Promise<string> => {
  const headers = { "content-type": FORM_TYPE, "content-length": body.length };
  const sent = request(`${url}/batch`, { method: "POST", headers }).end(body);
  const [answer] = (await once(sent, "response")) as [IncomingMessage];
  const answered = await text(answer);
  if (answer.statusCode !== 202) throw new Error(`${answer.statusCode} ${answered}`);
  return (JSON.parse(answered) as { job_id: string }).job_id;
};

/** Sends a batch, and follows it to its end. @returns when that was, in milliseconds since 1970, by the service's clock */
const computeBatch = async (target: Contender, body: Buffer): Promise<number> => {
  const { url } = target;
  const id = await upload(target, body);
  // The stream of its events ends when the job does.
  await fetch(`${url}/jobs/${id}/events`).then((events) => events.text());
  const { status, failed, finished } = await jobOf({ url }, id);
  if (status !== "completed" || failed > 0 || finished === null) {
    throw new Error(`a batch is ${status}, with ${failed} photos that failed`);
  }
  return Date.parse(finished);
};

/**
 * Photos a second of so many batches, from the first one's upload to the last one's end. Bodies are made before, and jobs
 * followed by their events: on two cores what the clients take is taken from the workers.
 */
const batchRate = async (target: Contender, photos: readonly Buffer[]): Promise<number> => {
  const bodies = Array.from({ length: BATCHES_A_SLICE }, (_, index) => {
    const first = (index * PHOTOS_A_BATCH) % photos.length;
    const own = [...photos.slice(first), ...photos].slice(0, PHOTOS_A_BATCH).map(ownBytes);
    return batchBody(own);
  });
  const begun = Date.now();
  let ended = begun;
  const client = async (): Promise<void> => {
    for (let body = bodies.shift(); body; body = bodies.shift()) {
      ended = Math.max(ended, await computeBatch(target, body));
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return (BATCHES_A_SLICE * PHOTOS_A_BATCH * 1000) / (ended - begun);
};

/** Keeps the queue full until it is told to stop. */
const fillQueue = (target: Contender, photos: readonly Buffer[]) => {
  let stopped = false;
  const feed = async (): Promise<void> => {
    const batch = photos.slice(0, PHOTOS_A_BATCH);
    while (!stopped) {
      const { status } = await sendBatch(target, batch);
      if (status !== 202) await wait(100);
    }
  };
  const fed = feed();
  return async (): Promise<void> => {
    stopped = true;
    await fed;
  };
};

type Options = { readonly quick?: true; readonly model?: string; readonly photos?: string };

const run = async (options: Options): Promise<void> => {
  const pets = join(SHARED, "data/pets");
  const directory = options.photos ?? (existsSync(pets) ? pets : undefined);
  const photos = await readPhotos(directory);
  const [photo] = photos;
  if (!photo) throw new Error("there is no photo to ask with; name a directory with --photos.");
  const foreign = await watchForeignCpu();
  const scratch = await mkdtemp(join(tmpdir(), "bench-"));
  const redis = await startRedis(scratch);
  const started: Pick<Contender, "stop">[] = [];
  let rows: Row[];
  try {
    if (options.model === undefined) {
      const reference = join(SHARED, "reference/efficientnet-lite0.onnx");
      await writeModel(join(scratch, "model"), (await readOutModel(reference)).files);
    }
    const { directory: model } = await resolveModel(
      options.model ?? join(scratch, "model"),
      "fp32",
    );
    const kind = await service(model);
    const ceiling = await startCeiling(model, directory);
    started.push(ceiling);
    const embedded = await startContender(kind, photo, directory);
    started.push(embedded);
    const env = { ...kind.env, REDIS_URL: redis.url };
    const inRedis = await startContender({ ...kind, env }, photo, directory);
    started.push(inRedis);

    const rate = async (name: "ceiling" | "embedded" | "Redis"): Promise<number> => {
      if (name === "embedded") return batchRate(embedded, photos);
      if (name === "Redis") return batchRate(inRedis, photos);
      return (await ceiling.slice(8, BATCHES_A_SLICE * PHOTOS_A_BATCH)).rate;
    };
    const names = ["ceiling", "embedded", "Redis"] as const;
    for (const name of names) await rate(name);
    const ratios = { embedded: [] as number[], Redis: [] as number[] };
    const p99s: number[] = [];
    const livez = { queue: [] as number[], saturated: [] as number[] };
    const livezP99 = ({ probes }: Slice): number => quantile(probes, 0.99);
    for (let slice = 0; slice < (options.quick ? 3 : 12); slice += 1) {
      const rates = { ceiling: 0, embedded: 0, Redis: 0 };
      // Each slice begins with another, so that nobody always follows the same one.
      for (let turn = 0; turn < names.length; turn += 1) {
        const name = names[(slice + turn) % names.length] ?? "ceiling";
        rates[name] = await rate(name);
      }
      ratios.embedded.push(rates.embedded / rates.ceiling);
      ratios.Redis.push(rates.Redis / rates.ceiling);
      const alone = quantile((await embedded.slice(1, CLIENT_REQUESTS)).took, 0.99);
      const stopFilling = fillQueue(embedded, photos);
      const asked = await embedded.slice(1, CLIENT_REQUESTS);
      const saturated = await embedded.slice(32, CLIENT_REQUESTS);
      await stopFilling();
      const beside = quantile(asked.took, 0.99);
      p99s.push(beside / alone);
      livez.queue.push(livezP99(asked));
      livez.saturated.push(livezP99(saturated));
      say(
        `slice ${slice + 1}, photos/s: pool ${rates.ceiling.toFixed(1)}, embedded ${rates.embedded.toFixed(1)}, Redis ${rates.Redis.toFixed(1)}; ` +
          `p99 of /predict: ${alone.toFixed(1)} ms alone, ${beside.toFixed(1)} ms beside a full queue; ` +
          `/livez there ${livezP99(asked).toFixed(1)} ms, with 32 clients ${livezP99(saturated).toFixed(1)} ms`,
      );
      // The queue is empty before the next slice.
      while (
        !(await fetch(`${embedded.url}/metrics`).then((r) => r.text())).includes(
          'batch_jobs{state="active"} 0',
        )
      ) {
        await wait(100);
      }
    }
    rows = [
      { figure: "batches of 50 / pool, embedded", reach: ">= 0.9", values: ratios.embedded },
      { figure: "batches of 50 / pool, Redis", reach: ">= 0.9", values: ratios.Redis },
      { figure: "p99 of /predict beside a full queue / alone", reach: "-", values: p99s },
      { figure: "/livez p99 beside a full queue, ms", reach: "<= 12", values: livez.queue },
      { figure: "the same with 32 clients, ms", reach: "<= 12", values: livez.saturated },
    ].map(({ values, ...row }) => ({ ...row, spread: spreadOf(values) }));
  } finally {
    for (const contender of started) await contender.stop();
    await redis.kill();
    await rm(scratch, { recursive: true });
  }
  // Only now: what its children took is known as theirs when they have ended.
  const foreignCores = await foreign();
  process.stdout.write(tableOf(rows));
  say(`others used ${foreignCores.toFixed(2)} cores`);
  const report = { when: new Date().toISOString(), rows, foreignCores };
  await writeFileAtomic(OUTPUT, `${JSON.stringify(report)}\n`);
  say(`written to ${OUTPUT}`);
};

await new Command("batch")
  .option("--quick", "a quarter of the slices")
  .option("--model <dir>", "model to serve")
  .option("--photos <dir>", "directory of class folders of photos")
  .action(run)
  .parseAsync();
