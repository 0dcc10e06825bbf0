/*
 * Sends mutated pictures and forms to a service of its own, and fails on any server error, crash, or memory that does
 * not come back:
 *
 *   node tests/fuzz/bodies.ts [--count 10000] [--seed 1] [--model DIR]
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { publishModel } from "../../model/store.ts";
import { imageAllocators } from "../fixtures/image-allocators.ts";
import { stubModel } from "../fixtures/models.ts";
import { type ServiceProcess, startServiceProcess } from "../fixtures/service-process.ts";
import { fuzzUploads } from "./fuzz-uploads.ts";
import { drawSeeds, type Upload, wholeUploads } from "./mutate.ts";

const TOLERANCE = 0.1;
/** Whole pictures before a look at the memory: as many make the heap's and the C library's sizes settle. */
const SETTLING = 2000;
const CLIENTS = 4;

type Flags = { readonly count: string; readonly seed: string; readonly model?: string };

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

const residentBytes = async (service: ServiceProcess): Promise<number> => {
  const status = await readFile(`/proc/${service.process.pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? Number.NaN) * 1024;
};

/**
 * The memory of a service that answers nothing but whole pictures, of several clients. They are the ones that bodies are
 * mutated of, in every format and in forms: what each worker opens once for a format (code of libvips and of V8, a decoder's
 * memory) is part of the base, and no trace of a mutated body.
 */
const settledBytes = async (
  service: ServiceProcess,
  uploads: readonly Upload[],
): Promise<number> => {
  const samples: number[] = [];
  let asked = 0;
  const client = async (): Promise<void> => {
    while (asked < SETTLING) {
      const number = asked++;
      const { type, body } = uploads[number % uploads.length] as Upload;
      const answer = await fetch(`${service.url}/predict`, {
        method: "POST",
        body: new Uint8Array(body),
        headers: { "content-type": type },
      });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`a whole picture is answered ${answer.status}: ${text}`);
      if (number >= SETTLING / 2 && number % 100 === 0) samples.push(await residentBytes(service));
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return samples.sort((a, b) => a - b)[Math.floor(samples.length / 2)] ?? Number.NaN;
};

const fuzz = async ({ count, seed, model }: Flags): Promise<void> => {
  const store = await mkdtemp(join(tmpdir(), "fuzz-"));
  if (model === undefined) {
    const stub = await stubModel();
    await publishModel(store, stub.files, stub.digest);
  }
  const service = await startServiceProcess({
    model: model ?? store,
    env: {
      // A busy machine is no fault of a body.
      ...{ DEADLINE: "60", LOG_LEVEL: "info" },
      ...(await imageAllocators()),
    },
  });
  try {
    await service.serving();
    const whole = wholeUploads(await drawSeeds());
    const before = await settledBytes(service, whole);
    const begun = performance.now();
    const { statuses, failures } = await fuzzUploads({
      url: service.url,
      count: Number(count),
      seed: Number(seed),
      clients: CLIENTS,
    });
    const seconds = (performance.now() - begun) / 1000;
    const after = await settledBytes(service, whole);
    const metrics = await (await fetch(`${service.metricsUrl}/metrics`)).text();
    const faults = [...metrics.matchAll(/^worker_faults_total\{.*\} (\d+)$/gm)].map(([, n]) => n);
    const grown = after / before - 1;

    say(`${count} bodies of seed ${seed} in ${seconds.toFixed(0)} s: ${JSON.stringify(statuses)}`);
    say(
      `memory ${(before / 2 ** 20).toFixed(0)} MiB, then ${(after / 2 ** 20).toFixed(0)} MiB (${(100 * grown).toFixed(1)} %)`,
    );
    say(`worker faults: ${faults.join(", ")}; failures: ${failures.length}`);
    for (const failure of failures.slice(0, 20)) say(failure);
    const crashed = faults.length === 0 || faults.some((faulty) => faulty !== "0");
    if (failures.length > 0 || crashed || !(Math.abs(grown) <= TOLERANCE)) process.exitCode = 1;
  } finally {
    await service.stop("SIGINT");
    await rm(store, { recursive: true });
  }
};

await new Command("fuzz")
  .description("Sends mutated pictures and forms to a service of its own.")
  .option("--count <n>", "bodies", "10000")
  .option("--seed <n>", "which bodies", "1")
  .option("--model <dir>", "model store or model directory; by default a tiny model")
  .action(fuzz)
  .parseAsync();
