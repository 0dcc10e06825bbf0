/*
 * Measures the service: against its own pipeline without HTTP, against FastAPI with the same model file, and at twice
 * and ten times its capacity. What is compared runs side by side and takes turns in short slices, and is compared slice by slice,
 * because the machine's own speed drifts.
 *
 *   node tests/bench/service.ts [--quick] [--model DIR] [--photos DIR] [--repetitions N]
 *
 * All serve fp32; of a model that training wrote, a second service serves the int8 file.
 */
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Command } from "commander";
import { readMetadata, resolveModel, writeModel } from "../../model/store.ts";
import { writeFileAtomic } from "../../model/write-atomic.ts";
import { readOutModel } from "../fixtures/models.ts";
import { measureColdStarts } from "./cold-start.ts";
import { type Contender, startCeiling, startContender } from "./contenders.ts";
import { watchForeignCpu } from "./foreign-cpu.ts";
import { measureOverload } from "./overload.ts";
import { fastApi, TUNED } from "./peer-servers.ts";
import { type ContenderName, format, type Repetition, rateOf, rowsOf, tableOf } from "./report.ts";
import { service } from "./servers.ts";
import { readPhotos } from "./upload-bodies.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const SHARED = resolve(ROOT, "../shared");
const OUTPUT = join(ROOT, "artifacts/bench/service.json");
/** Requests in a slice: three seconds or so. */
const SLICE = 400;

type Plan = {
  readonly model: string;
  readonly photos: string | undefined;
  readonly slices: number;
  readonly overloadSeconds: number;
};

const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

/** Starts everything, lets all take turns, and ends everything. */
const repeat = async ({ model, photos, slices, overloadSeconds }: Plan): Promise<Repetition> => {
  const [photo] = await readPhotos(photos);
  if (!photo) throw new Error("there is no photo to ask with; name a directory with --photos.");
  const foreign = await watchForeignCpu();
  const { int8 } = await readMetadata(model);
  const kinds = [
    await service(model),
    ...(int8 ? [await service(model, "int8")] : []),
    await fastApi({ name: "fastapi", model }),
    await fastApi({ name: "fastapiTuned", model, env: TUNED }),
  ];
  const coldStart = (await measureColdStarts(kinds, photo)) as Record<ContenderName, number>;
  const running: Contender[] = [];
  const ceiling = await startCeiling(model, photos);
  try {
    for (const kind of kinds) running.push(await startContender(kind, photo, photos));
    const all = [ceiling, ...running];
    // Warm up: connections, the engines' arenas, V8's optimised code.
    for (const contender of all) await contender.slice(32, SLICE);

    const results = all.map(({ name }) => [name, { c8: [], c32: [] }] as const);
    const bySlices = Object.fromEntries(results) as unknown as Repetition["slices"];
    for (let slice = 0; slice < slices; slice++) {
      for (const [key, clients] of [
        ["c8", 8],
        ["c32", 32],
      ] as const) {
        // Each slice begins with another, so that nobody always follows the same one.
        const first = slice % all.length;
        for (const contender of [...all.slice(first), ...all.slice(0, first)]) {
          const done = await contender.slice(clients, SLICE);
          bySlices[contender.name as ContenderName][key].push(done);
        }
      }
    }
    const byName = async (value: (contender: Contender) => Promise<number> | number) =>
      Object.fromEntries(
        await Promise.all(running.map(async (c) => [c.name, await value(c)] as const)),
      ) as Record<ContenderName, number>;
    const memory = await byName((contender) => contender.memory());
    const [served] = running;
    if (!served) throw new Error("no server was started");
    const overload = {
      x2: await measureOverload(served, photos, { times: 2, seconds: overloadSeconds }),
      // Ten times as many requests: shorter, or the samples alone would fill the memory.
      x10: await measureOverload(served, photos, { times: 10, seconds: overloadSeconds / 3 }),
    };
    for (const contender of all) await contender.stop();
    return { slices: bySlices, memory, coldStart, overload, foreignCores: await foreign() };
  } catch (error) {
    for (const contender of [ceiling, ...running]) await contender.stop();
    throw error;
  }
};

type Options = {
  readonly quick?: true;
  readonly model?: string;
  readonly photos?: string;
  readonly repetitions?: string;
};

const run = async (options: Options): Promise<void> => {
  const quick = options.quick === true;
  const repetitions = Number(options.repetitions ?? (quick ? 1 : 4));
  const pets = join(SHARED, "data/pets");
  const photos = options.photos ?? (existsSync(pets) ? pets : undefined);
  const scratch = await mkdtemp(join(tmpdir(), "bench-"));
  try {
    if (options.model === undefined) {
      const reference = join(SHARED, "reference/efficientnet-lite0.onnx");
      await writeModel(scratch, (await readOutModel(reference)).files);
    }
    const { directory, digest } = await resolveModel(options.model ?? scratch, "fp32");
    const plan = {
      model: directory,
      photos,
      slices: quick ? 3 : 5,
      overloadSeconds: quick ? 5 : 30,
    };
    const results: Repetition[] = [];
    for (let i = 1; i <= repetitions; i++) {
      const result = await repeat(plan);
      const rates = (name: ContenderName): string =>
        `${format(rateOf(result, name, "c8"))} and ${format(rateOf(result, name, "c32"))}`;
      say(
        `repetition ${i} of ${repetitions}, img/s: ceiling ${rates("ceiling")}, service ${rates("service")}, FastAPI ${rates("fastapi")}, ` +
          `tuned ${rates("fastapiTuned")} (others used ${format(result.foreignCores)} cores)`,
      );
      results.push(result);
    }
    const rows = rowsOf(results);
    process.stdout.write(tableOf(rows));
    const report = {
      when: new Date().toISOString(),
      digest,
      photos: photos ?? "drawn",
      rows,
      results,
    };
    await writeFileAtomic(OUTPUT, `${JSON.stringify(report)}\n`);
    say(`written to ${OUTPUT}`);
  } finally {
    await rm(scratch, { recursive: true });
  }
};

await new Command("bench-service")
  .description(
    "Measures the service against its own pipeline, against FastAPI, and at twice and ten times its capacity.",
  )
  .option("--quick", "fewer and shorter repetitions")
  .option(
    "--model <dir>",
    "model to serve; without it the reference backbone's read-out in ../shared",
  )
  .option(
    "--photos <dir>",
    "photos in class sub-folders; without it ../shared/data/pets, else drawn ones",
  )
  .option("--repetitions <number>", "how often everything is started and measured")
  .action(run)
  .parseAsync()
  .catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  });
