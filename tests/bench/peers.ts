/*
 * Measures the service against what others serve the same model with: FastAPI, BentoML and MLServer. All run side by side
 * and take turns in short slices, and are compared slice by slice, because the machine's own speed drifts.
 *
 *   node tests/bench/peers.ts --model DIR [--quick] [--photos DIR] [--repetitions N]
 *
 * Peers decode with Pillow and are installed into environments of their own in the user's cache, once.
 */
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Command } from "commander";
import sharp from "sharp";
import { readMetadata, resolveModel } from "../../model/store.ts";
import { writeFileAtomic } from "../../model/write-atomic.ts";
import { type Contender, type Slice, startContender } from "./contenders.ts";
import { watchForeignCpu } from "./foreign-cpu.ts";
import {
  type ContenderName,
  type PeerRepetition,
  type PeerSlices,
  peerRows,
  TURNS,
  type TurnName,
} from "./peer-report.ts";
import { bentoMl, fastApi, mlServer } from "./peer-servers.ts";
import { tableOf } from "./report.ts";
import { type ServerKind, service } from "./servers.ts";
import { readPhotos } from "./upload-bodies.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const OUTPUT = join(ROOT, "artifacts/bench/peers.json");
const PETS = resolve(ROOT, "../shared/data/pets");
const INT8 = { MODEL_FILE: "model.int8.onnx" };

const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

type Plan = {
  readonly model: string;
  readonly photos: string | undefined;
  readonly photo: Buffer;
  /** Directory with a photo of 12 megapixels. */
  readonly large: string;
  readonly slices: number;
  /** Share of a slice's requests that is sent. */
  readonly share: number;
};

/** Enlarges a photo to what cameras write: a baseline JPEG of 4000 × 3000. @returns a directory that holds it */
const writeLargePhoto = async (photo: Buffer, scratch: string): Promise<string> => {
  const directory = join(scratch, "large");
  await mkdir(join(directory, "photo"), { recursive: true });
  const bytes = await sharp(photo)
    .resize(4000, 3000, { fit: "cover" })
    // A sensor's noise: without it an enlarged photo is a tenth of the bytes, and easier to decode.
    .composite([
      {
        input: {
          create: {
            ...{ width: 4000, height: 3000, channels: 3, background: "gray" },
            noise: { type: "gaussian", mean: 128, sigma: 40 },
          },
        },
        blend: "soft-light",
      },
    ])
    .jpeg({ quality: 85 })
    .toBuffer();
  await writeFile(join(directory, "photo", "0.jpg"), bytes);
  say(`the photo of 12 megapixels has ${(bytes.length / 2 ** 20).toFixed(1)} MiB`);
  return directory;
};

const contendersOf = async (model: string): Promise<ServerKind[]> => {
  const { int8 } = await readMetadata(model);
  return [
    await service(model),
    ...(int8 ? [await service(model, "int8")] : []),
    await fastApi({ name: "fastapi", model }),
    ...(int8 ? [await fastApi({ name: "fastapiInt8", model, env: INT8 })] : []),
    await fastApi({ name: "fastapiWhole", model, env: { PEER_DRAFT: "0" } }),
    await bentoMl({ name: "bentoml", model }, 1),
    await bentoMl({ name: "bentomlTwo", model }, 2),
    await mlServer({ name: "mlserver", model }),
  ];
};

/** Lets those who take part in each kind of slice have their turns. */
const takeTurns = async (running: readonly Contender[], plan: Plan): Promise<PeerSlices> => {
  const measured = Object.fromEntries(Object.keys(TURNS).map((turn) => [turn, {}])) as Record<
    TurnName,
    Partial<Record<ContenderName, Slice[]>>
  >;
  for (let slice = 0; slice < plan.slices; slice++) {
    for (const [turn, { clients, requests, contenders, ...rest }] of Object.entries(TURNS)) {
      const names: readonly string[] = contenders;
      const taking = running.filter(({ name }) => names.includes(name));
      // Each slice begins with another, so that nobody always follows the same one.
      const first = slice % taking.length;
      for (const contender of [...taking.slice(first), ...taking.slice(0, first)]) {
        const photos = "large" in rest ? plan.large : plan.photos;
        const done = await contender.slice(clients, requests * plan.share, photos);
        const [cell, name] = [measured[turn as TurnName], contender.name as ContenderName];
        cell[name] = [...(cell[name] ?? []), done];
      }
    }
  }
  return measured;
};

/** Starts everything, lets all take turns, and ends everything. */
const repeat = async (plan: Plan): Promise<PeerRepetition> => {
  const foreign = await watchForeignCpu();
  const running: Contender[] = [];
  let slices: PeerSlices;
  let memory: PeerRepetition["memory"];
  try {
    for (const kind of await contendersOf(plan.model)) {
      running.push(await startContender(kind, plan.photo, plan.photos));
    }
    // Warm up: connections, the engines' arenas, optimised code.
    for (const contender of running) await contender.slice(32, 400 * plan.share);
    slices = await takeTurns(running, plan);
    memory = Object.fromEntries(
      await Promise.all(running.map(async (c) => [c.name, await c.memory()] as const)),
    );
  } finally {
    for (const contender of running) await contender.stop();
  }
  return { slices, memory, foreignCores: await foreign() };
};

type Flags = {
  readonly quick?: true;
  readonly model: string;
  readonly photos?: string;
  readonly repetitions?: string;
};

const run = async ({ quick, model, photos: named, ...flags }: Flags): Promise<void> => {
  const repetitions = Number(flags.repetitions ?? (quick ? 1 : 4));
  const photos = named ?? (existsSync(PETS) ? PETS : undefined);
  const [photo] = await readPhotos(photos);
  if (!photo) throw new Error("there is no photo to ask with; name a directory with --photos.");
  const { directory, digest } = await resolveModel(model, "fp32");
  const scratch = await mkdtemp(join(tmpdir(), "bench-"));
  try {
    const large = await writeLargePhoto(photo, scratch);
    const plan: Plan = {
      model: directory,
      photos,
      photo,
      large,
      slices: quick ? 2 : 4,
      share: quick ? 0.25 : 1,
    };
    const results: PeerRepetition[] = [];
    for (let i = 1; i <= repetitions; i++) {
      const result = await repeat(plan);
      say(
        `repetition ${i} of ${repetitions} (others used ${result.foreignCores.toFixed(2)} cores)`,
      );
      results.push(result);
    }
    const rows = peerRows(results);
    process.stdout.write(tableOf(rows));
    const when = new Date().toISOString();
    const report = { when, digest, photos: photos ?? "drawn", rows, results };
    await writeFileAtomic(OUTPUT, `${JSON.stringify(report)}\n`);
    say(`written to ${OUTPUT}`);
  } finally {
    await rm(scratch, { recursive: true });
  }
};

await new Command("bench-peers")
  .description("Measures the service against FastAPI, BentoML and MLServer, with the same model.")
  .requiredOption("--model <dir>", "model store or model directory")
  .option("--quick", "one short repetition")
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
