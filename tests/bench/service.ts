/*
 * Measures the service: against its own pipeline without HTTP, against FastAPI with the same model file, and at twice
 * its capacity. Everything that is compared runs interleaved in one run, and is compared as a ratio in each repetition;
 * the machine's absolute speed drifts.
 *
 *   node tests/bench/service.ts [--quick] [--model DIR] [--photos DIR] [--repetitions N]
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Command } from "commander";
import { resolveModel, writeModel } from "../../model/store.ts";
import { writeFileAtomic } from "../../model/write-atomic.ts";
import { readOutModel } from "../fixtures/models.ts";
import { watchForeignCpu } from "./foreign-cpu.ts";
import type { CeilingTask } from "./in-process.ts";
import type { LoadResult, LoadTask } from "./load-generator.ts";
import { fastApi, type ServerKind, service, startServer } from "./servers.ts";
import { quantile, type Spread, spreadOf } from "./statistics.ts";
import { readPhotos } from "./upload-bodies.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const SHARED = resolve(ROOT, "../shared");
const OUTPUT = join(ROOT, "artifacts/bench/service.json");
const GOAL_MS = 250;

/** Runs a program that takes one message and answers with one. */
const ask = async <T>(program: string, task: CeilingTask | LoadTask): Promise<T> => {
  const child = fork(join(import.meta.dirname, program));
  const ended = once(child, "exit").then(([code]) => {
    throw new Error(`${program} ended with ${code} before it answered`);
  });
  ended.catch(() => undefined);
  child.send(task);
  const [answer] = await Promise.race([once(child, "message"), ended]);
  return answer as T;
};

const took = (result: LoadResult, status: number): number[] =>
  result.samples.filter((sample) => sample.status === status).map((sample) => sample.took);

type ClosedFigures = {
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
  readonly livezP99: number;
  readonly refused: number;
  readonly errors: number;
};

const closedFigures = (result: LoadResult): ClosedFigures => {
  const accepted = took(result, 200);
  return {
    rate: accepted.length / result.seconds,
    p50: quantile(accepted, 0.5),
    p99: quantile(accepted, 0.99),
    livezP99: quantile(result.probes, 0.99),
    refused: took(result, 429).length,
    errors: result.samples.length - accepted.length - took(result, 429).length,
  };
};

type ServerFigures = {
  readonly c8: ClosedFigures;
  readonly c32: ClosedFigures;
  readonly memory: number;
  readonly coldStart: number;
};

type OverloadFigures = {
  readonly offered: number;
  readonly goodput: number;
  readonly acceptedP99: number;
  readonly refusedP99: number;
  readonly livezP99: number;
  readonly socketErrors: number;
  readonly otherStatus: number;
};

const overloadFigures = (result: LoadResult, rate: number): OverloadFigures => {
  const accepted = took(result, 200);
  const refused = took(result, 429);
  const broken = took(result, 0);
  return {
    offered: rate,
    goodput: accepted.filter((ms) => ms <= GOAL_MS).length / result.seconds,
    acceptedP99: quantile(accepted, 0.99),
    refusedP99: quantile(refused, 0.99),
    livezP99: quantile(result.probes, 0.99),
    socketErrors: broken.length,
    otherStatus: result.samples.length - accepted.length - refused.length - broken.length,
  };
};

type Result = {
  readonly ceiling8: number;
  readonly ceiling32: number;
  readonly service: ServerFigures;
  readonly fastapi: ServerFigures;
  readonly overload: OverloadFigures;
  /** Cores that other programs used meanwhile: what makes the figures of a busy machine doubtful. */
  readonly foreignCores: number;
};

type Row = { readonly figure: string; readonly reach: string; readonly spread: Spread };

const format = (value: number): string => value.toFixed(Math.abs(value) < 10 ? 2 : 0);
const print = (rows: readonly Row[]): void => {
  const width = Math.max(...rows.map((row) => row.figure.length));
  for (const { figure, reach, spread } of rows) {
    const range = `${format(spread.low)} .. ${format(spread.high)}`;
    process.stdout.write(
      `${figure.padEnd(width)}  ${format(spread.median).padStart(6)}  (${range})  reach ${reach}\n`,
    );
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
  const repetitions = Number(options.repetitions ?? (quick ? 2 : 5));
  const requests = quick ? 300 : 1000;
  const overloadSeconds = quick ? 5 : 15;
  const pets = join(SHARED, "data/pets");
  const photos = options.photos ?? (existsSync(pets) ? pets : undefined);

  const scratch = await mkdtemp(join(tmpdir(), "bench-"));
  try {
    const directory = options.model ?? scratch;
    if (options.model === undefined) {
      const reference = join(SHARED, "reference/efficientnet-lite0.onnx");
      await writeModel(scratch, (await readOutModel(reference)).files);
    }
    const model = (await resolveModel(directory)).directory;
    const [photo] = await readPhotos(photos, 1);
    if (!photo) throw new Error("there is no photo to ask with; name a directory with --photos.");
    const kinds: readonly ServerKind[] = [service(model), await fastApi(model)];

    const say = (line: string): void => {
      process.stderr.write(`${line}\n`);
    };
    const closed = async (url: string, clients: number): Promise<ClosedFigures> => {
      const count = Math.max(requests, 20 * clients);
      // Warm up: connections, the engine's arenas, V8's optimised code.
      await ask<LoadResult>("load-generator.ts", {
        kind: "closed",
        url,
        photos,
        clients,
        requests: 100,
      });
      return closedFigures(
        await ask("load-generator.ts", { kind: "closed", url, photos, clients, requests: count }),
      );
    };
    const measure = async (kind: ServerKind): Promise<ServerFigures> => {
      const server = await startServer(kind, photo);
      try {
        const c8 = await closed(server.url, 8);
        const c32 = await closed(server.url, 32);
        return { c8, c32, memory: await server.memory(), coldStart: server.coldStart };
      } finally {
        await server.stop();
      }
    };
    const overload = async (capacity: number): Promise<OverloadFigures> => {
      const server = await startServer(service(model), photo);
      try {
        const rate = Math.round(2 * capacity);
        const { url } = server;
        await ask<LoadResult>("load-generator.ts", {
          kind: "closed",
          url,
          photos,
          clients: 8,
          requests: 100,
        });
        const task = { kind: "open", url, photos, rate, seconds: overloadSeconds } as const;
        return overloadFigures(await ask("load-generator.ts", task), rate);
      } finally {
        await server.stop();
      }
    };

    const results: Result[] = [];
    for (let repetition = 0; repetition < repetitions; repetition++) {
      const ceiling = async (inFlight: number) =>
        ask<number>("in-process.ts", { model, photos, images: requests, inFlight });
      // Each repetition begins with another: what comes first has the cooler machine.
      const order = repetition % 2 === 0 ? kinds : [...kinds].reverse();
      const foreign = await watchForeignCpu();
      const ceiling8 = await ceiling(8);
      const figures: Record<string, ServerFigures> = {};
      for (const kind of order) figures[kind.name] = await measure(kind);
      const ceiling32 = await ceiling(32);
      const { service: own, fastapi: peer } = figures;
      if (!own || !peer) throw new Error("a server was not measured");
      const overloaded = await overload(Math.max(own.c8.rate, own.c32.rate));
      const result = {
        ceiling8,
        ceiling32,
        service: own,
        fastapi: peer,
        overload: overloaded,
        foreignCores: await foreign(),
      };
      say(
        `repetition ${repetition + 1} of ${repetitions}: ceiling ${format(ceiling8)} and ${format(ceiling32)} img/s, ` +
          `service ${format(own.c8.rate)} and ${format(own.c32.rate)}, FastAPI ${format(peer.c8.rate)} and ${format(peer.c32.rate)} (others used ${format(result.foreignCores)} cores)`,
      );
      results.push(result);
    }

    const row = (figure: string, reach: string, value: (result: Result) => number): Row => ({
      figure,
      reach,
      spread: spreadOf(results.map(value)),
    });
    const capacity = ({ service: own }: Result): number => Math.max(own.c8.rate, own.c32.rate);
    const rows = [
      row(
        "service / in process, img/s, 8 clients",
        ">= 0.85",
        (r) => r.service.c8.rate / r.ceiling8,
      ),
      row(
        "service / in process, img/s, 32 clients",
        ">= 0.85",
        (r) => r.service.c32.rate / r.ceiling32,
      ),
      row(
        "service / FastAPI, img/s, 8 clients",
        ">= 0.9",
        (r) => r.service.c8.rate / r.fastapi.c8.rate,
      ),
      row(
        "service / FastAPI, img/s, 32 clients",
        ">= 0.9",
        (r) => r.service.c32.rate / r.fastapi.c32.rate,
      ),
      row(
        "service / FastAPI, p99, 32 clients",
        "<= 0.7",
        (r) => r.service.c32.p99 / r.fastapi.c32.p99,
      ),
      row(
        "service / FastAPI, resident memory",
        "<= 0.8",
        (r) => r.service.memory / r.fastapi.memory,
      ),
      row(
        "service / FastAPI, cold start",
        "<= 0.6",
        (r) => r.service.coldStart / r.fastapi.coldStart,
      ),
      row("/livez p99 while saturated, ms", "<= 15", (r) => r.service.c32.livezP99),
      row(
        "refused or failed at 32 clients",
        "0",
        (r) => r.service.c32.refused + r.service.c32.errors,
      ),
      row(
        "2x load: goodput in 250 ms / capacity",
        ">= 0.9",
        (r) => r.overload.goodput / capacity(r),
      ),
      row("2x load: p99 of accepted, ms", "<= 150", (r) => r.overload.acceptedP99),
      row("2x load: p99 of 429, ms", "<= 25", (r) => r.overload.refusedP99),
      row(
        "2x load: socket errors and other status",
        "0",
        (r) => r.overload.socketErrors + r.overload.otherStatus,
      ),
    ];
    rows.push(row("cores used by other programs meanwhile", "0", (r) => r.foreignCores));
    print(rows);
    const metadata = JSON.parse(await readFile(join(model, "model.json"), "utf8"));
    const report = {
      when: new Date().toISOString(),
      digest: metadata.digest,
      requests,
      rows,
      results,
    };
    await writeFileAtomic(OUTPUT, `${JSON.stringify(report, null, 2)}\n`);
    say(`written to ${OUTPUT}`);
  } finally {
    await rm(scratch, { recursive: true });
  }
};

await new Command("bench-service")
  .description(
    "Measures the service against its own pipeline, against FastAPI, and at twice its capacity.",
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
  .option("--repetitions <number>", "how often everything is measured")
  .action(run)
  .parseAsync()
  .catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  });
