/*
 * Mixed load on one service for an hour: photos small and large, tensors, explanations, /process, batches, bad bodies,
 * hang-ups, page and metrics, at a rate that leaves the machine half idle. Does its memory (without mapped files) grow, and
 * does anything fail?
 *
 *   node tests/bench/soak.ts --model DIR [--minutes 60] [--photos DIR]
 *
 * The service is the image's bundle with its default settings, and the file that model.json takes by default. SIGINT ends it
 * early, with the figures until then.
 */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { Command } from "commander";
import { readMetadata, resolveModel } from "../../model/store.ts";
import { writeFileAtomic } from "../../model/write-atomic.ts";
import { watchForeignCpu } from "./foreign-cpu.ts";
import { service, startServer } from "./servers.ts";
import { fitSlope, type Point } from "./slope.ts";
import { type Activity, soakActivities } from "./soak-requests.ts";
import { count, createTally, type Tally, tallyTable } from "./soak-tally.ts";
import { quantile } from "./statistics.ts";
import { readPhotos } from "./upload-bodies.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const OUTPUT = join(ROOT, "artifacts/bench/soak.json");
const PETS = resolve(ROOT, "../shared/data/pets");
const SAMPLE_MS = 10_000;
const A_MINUTE = 60_000;
const AN_HOUR = 60 * A_MINUTE;
const MEGABYTE = 2 ** 20;

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** Waits, but no longer than until the end. */
const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  wait(ms, undefined, { signal }).catch(() => undefined);

/** Lets the clients of an activity ask until the end. */
const keepAsking = async (
  { clients, pauseMs, ask }: Activity,
  tally: Tally,
  end: AbortSignal,
): Promise<void> => {
  let asked = 0;
  const client = async (): Promise<void> => {
    while (!end.aborted) {
      await pause(-Math.log(1 - Math.random()) * pauseMs, end);
      if (!end.aborted) await count(tally, () => ask(asked++));
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
};

/** Megabytes by hour; each minute a line says how it stands. */
const watchMemory = async (
  memory: () => Promise<number>,
  tallies: readonly Tally[],
  end: AbortSignal,
): Promise<Point[]> => {
  const begun = performance.now();
  const points: Point[] = [];
  let minutes = 0;
  while (!end.aborted) {
    await pause(SAMPLE_MS, end);
    if (end.aborted) break;
    const elapsed = performance.now() - begun;
    points.push({ at: elapsed / AN_HOUR, value: (await memory()) / MEGABYTE });
    if (elapsed < (minutes + 1) * A_MINUTE) continue;
    minutes += 1;
    const latest = points.slice(-A_MINUTE / SAMPLE_MS).map(({ value }) => value);
    const sum = (of: (tally: Tally) => number): number =>
      tallies.reduce((total, tally) => total + of(tally), 0);
    say(
      `minute ${minutes}: ${quantile(latest, 0.5).toFixed(0)} MiB (${Math.min(...latest).toFixed(0)} to ${Math.max(...latest).toFixed(0)}), ` +
        `${sum(({ good }) => good)} good, ${sum(({ refused }) => refused)} refused, ${sum(({ wrong, broken }) => wrong + broken)} failed`,
    );
  }
  return points;
};

/** Lets everybody ask until the end. */
const soak = async (
  activities: readonly Activity[],
  memory: () => Promise<number>,
  duration: number,
): Promise<{ readonly tallies: readonly Tally[]; readonly points: readonly Point[] }> => {
  const runs = activities.map((activity) => ({ activity, tally: createTally(activity.name) }));
  const tallies = runs.map(({ tally }) => tally);
  const stopping = new AbortController();
  process.once("SIGINT", () => stopping.abort());
  const end = AbortSignal.any([stopping.signal, AbortSignal.timeout(duration)]);
  const [points] = await Promise.all([
    watchMemory(memory, tallies, end),
    ...runs.map(({ activity, tally }) => keepAsking(activity, tally, end)),
  ]);
  return { tallies, points };
};

type Flags = { readonly model: string; readonly minutes: string; readonly photos?: string };

const run = async ({ model, minutes, photos: directory }: Flags): Promise<void> => {
  const duration = Number(minutes) * A_MINUTE;
  if (!(duration > 0)) throw new Error("--minutes is a positive number");
  const photos = await readPhotos(directory ?? (existsSync(PETS) ? PETS : undefined));
  const [photo] = photos;
  if (!photo) throw new Error("there is no photo to ask with; name a directory with --photos.");
  const { directory: home, digest } = await resolveModel(model);
  const metadata = await readMetadata(home);
  if (!metadata.activation || !metadata.segmenter) {
    say("the model is of an older training: explanations or /process are left out; train again");
  }
  const foreign = await watchForeignCpu();
  const kind = await service(home, metadata.int8?.byDefault ? "int8" : "fp32");
  const server = await startServer(kind, photo);
  let ended: Awaited<ReturnType<typeof server.stop>> = null;
  const { tallies, points } = await soakActivities({ url: server.url, model: metadata, photos })
    .then((activities) => soak(activities, server.anonymousMemory, duration))
    .finally(async () => {
      ended = await server.stop();
    });
  // Only now: what its child took is known as its own when it has ended.
  const foreignCores = await foreign();
  const { slope, margin } = fitSlope(points.slice(Math.floor(points.length / 2)));
  const errors = tallies.reduce((sum, { wrong, broken }) => sum + wrong + broken, 0);
  say(`\n${tallyTable(tallies)}`);
  for (const { name, reasons } of tallies) for (const reason of reasons) say(`${name}: ${reason}`);
  say(`errors that are not the client's: ${errors}; told to stop, the service ended with ${ended}`);
  say(`memory over the second half: ${slope.toFixed(1)} ± ${margin.toFixed(1)} MiB an hour`);
  say(`others used ${foreignCores.toFixed(2)} cores`);
  const figures = { slope, margin, errors, ended, foreignCores, tallies, points };
  const report = { when: new Date().toISOString(), digest, minutes: Number(minutes), ...figures };
  await writeFileAtomic(OUTPUT, `${JSON.stringify(report)}\n`);
  say(`written to ${OUTPUT}`);
  if (errors > 0 || ended !== 0) process.exitCode = 1;
};

await new Command("soak")
  .description("Mixed load on one service, and whether its memory grows.")
  .requiredOption("--model <dir>", "model store or model directory")
  .option("--minutes <n>", "how long", "60")
  .option(
    "--photos <dir>",
    "photos in class sub-folders; without it ../shared/data/pets, else drawn ones",
  )
  .action(run)
  .parseAsync()
  .catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  });
