/*
 * Measures batches: photos a second of batches of 50 through the service, embedded and with Redis, against its worker pool
 * without HTTP and queue; the p99 of /predict for one client, alone, beside a full queue and beside one of photos that are
 * processed; and that of /livez there, beside the first with 32 clients as well. What is compared takes turns in short slices, because the machine's own speed drifts.
 *
 *   node tests/bench/batch.ts [--quick] [--model DIR] [--photos DIR]
 */
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
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

/** What one client and a probe found. Times are milliseconds. */
type Beside = { readonly predict: number; readonly livez: number };

const p99sOf = ({ took, probes }: Slice): Beside => ({
  predict: quantile(took, 0.99),
  livez: quantile(probes, 0.99),
});

/** What clients find while the queue is full of a task, one slice for each number of them. The queue is empty behind it. */
const besideFullQueue = async (
  target: Contender,
  photos: readonly Buffer[],
  task: "predict" | "process",
  clients: readonly number[],
): Promise<readonly Beside[]> => {
  const batch = photos.slice(0, PHOTOS_A_BATCH);
  const taken: string[] = [];
  const full = Promise.withResolvers<void>();
  let stopped = false;
  const feed = async (): Promise<void> => {
    while (!stopped) {
      const response = await sendBatch(target, batch, `?task=${task}`);
      const location = response.headers.get("location");
      if (location) taken.push(location);
      else full.resolve();
      if (!location) await wait(100);
    }
  };
  const fed = feed();
  await full.promise;
  const found: Beside[] = [];
  for (const count of clients) found.push(p99sOf(await target.slice(count, CLIENT_REQUESTS)));
  stopped = true;
  await fed;
  const first = await jobOf(target, basename(taken[0] ?? ""));
  if (first.failed > 0) throw new Error(`${first.failed} photos of a batch failed`);
  for (const job of taken) await fetch(`${target.url}${job}`, { method: "DELETE" });
  return found;
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
    const p99s = { predicted: [] as number[], processed: [] as number[] };
    const livez = {
      predicted: [] as number[],
      saturated: [] as number[],
      processed: [] as number[],
    };
    for (let slice = 0; slice < (options.quick ? 3 : 12); slice += 1) {
      const rates = { ceiling: 0, embedded: 0, Redis: 0 };
      // Each slice begins with another, so that nobody always follows the same one.
      for (let turn = 0; turn < names.length; turn += 1) {
        const name = names[(slice + turn) % names.length] ?? "ceiling";
        rates[name] = await rate(name);
      }
      ratios.embedded.push(rates.embedded / rates.ceiling);
      ratios.Redis.push(rates.Redis / rates.ceiling);
      const alone = p99sOf(await embedded.slice(1, CLIENT_REQUESTS));
      const [predicted, saturated] = await besideFullQueue(embedded, photos, "predict", [1, 32]);
      const [processed] = await besideFullQueue(embedded, photos, "process", [1]);
      if (!predicted || !saturated || !processed) throw new Error("a slice found nothing");
      p99s.predicted.push(predicted.predict / alone.predict);
      p99s.processed.push(processed.predict / alone.predict);
      livez.predicted.push(predicted.livez);
      livez.saturated.push(saturated.livez);
      livez.processed.push(processed.livez);
      const ms = (milliseconds: number): string => `${milliseconds.toFixed(1)} ms`;
      say(
        `slice ${slice + 1}, photos/s: pool ${rates.ceiling.toFixed(1)}, embedded ${rates.embedded.toFixed(1)}, Redis ${rates.Redis.toFixed(1)}; ` +
          `p99 of /predict: ${ms(alone.predict)} alone, ${ms(predicted.predict)} beside a full queue, ${ms(processed.predict)} beside one that is processed; ` +
          `/livez there ${ms(predicted.livez)}, with 32 clients ${ms(saturated.livez)}, ${ms(processed.livez)}`,
      );
    }
    rows = [
      { figure: "batches of 50 / pool, embedded", reach: ">= 0.9", values: ratios.embedded },
      { figure: "batches of 50 / pool, Redis", reach: ">= 0.9", values: ratios.Redis },
      { figure: "p99 of /predict beside a full queue / alone", reach: "-", values: p99s.predicted },
      { figure: "the same, of photos that are processed", reach: "-", values: p99s.processed },
      { figure: "/livez p99 beside a full queue, ms", reach: "<= 12", values: livez.predicted },
      { figure: "the same with 32 clients, ms", reach: "<= 12", values: livez.saturated },
      { figure: "the same, of photos that are processed", reach: "<= 12", values: livez.processed },
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
