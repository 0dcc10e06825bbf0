/*
 * Decides whether the service should gather images into batches: the network alone, in a thread for each core with a
 * session of one thread, as the service has them, on batches of several sizes. Sizes take turns in short slices and are
 * compared with batches of one, slice by slice, because the machine's own speed drifts.
 *
 *   node tests/bench/micro-batch.ts --model DIR [--repetitions N] [--images N]
 */
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { Command } from "commander";
import { type Classifier, createClassifier } from "../../model/classifier.ts";
import { PRECISIONS, type Precision } from "../../model/precision.ts";
import { readMetadata, readModel, resolveModel } from "../../model/store.ts";
import { spreadOf } from "./statistics.ts";

const SIZES = [1, 2, 4, 8] as const;
type Size = (typeof SIZES)[number];

type Session = { readonly model: string; readonly precision: Precision };
type Slice = { readonly size: Size; readonly images: number };
/** Milliseconds of each run. */
type Runs = readonly number[];

const runSlice = async (classifier: Classifier, { size, images }: Slice): Promise<Runs> => {
  const { inputSize } = classifier.metadata.preprocessing;
  // What a photo shows does not change how long the network takes.
  const batch = Array.from({ length: size }, (_, row) =>
    new Uint8Array(3 * inputSize * inputSize).map((_, index) => (index * (row + 7)) % 251),
  );
  const runs: number[] = [];
  for (let done = 0; done < images; done += size) {
    const begun = performance.now();
    await classifier.classify(batch);
    runs.push(performance.now() - begun);
  }
  return runs;
};

/** What a thread does: its session, and then slices, one for each message. */
const serveSlices = async ({ model, precision }: Session): Promise<void> => {
  const classifier = await createClassifier(await readModel(model, precision), 1);
  parentPort?.on("message", (slice: Slice) => {
    void runSlice(classifier, slice).then((runs) => parentPort?.postMessage(runs));
  });
  parentPort?.postMessage([]);
};

type Measured = { readonly rate: number; readonly latency: number };

/** Lets all threads run a slice at once. */
const measure = async (threads: readonly Worker[], slice: Slice): Promise<Measured> => {
  const begun = performance.now();
  const answers = await Promise.all(
    threads.map(async (thread) => {
      thread.postMessage(slice);
      const [runs] = (await once(thread, "message")) as [Runs];
      return runs;
    }),
  );
  const seconds = (performance.now() - begun) / 1000;
  const runs = answers.flat();
  return { rate: (runs.length * slice.size) / seconds, latency: spreadOf(runs).median };
};

const compare = async (session: Session, repetitions: number, images: number): Promise<string> => {
  const threads = Array.from(
    { length: availableParallelism() },
    () => new Worker(new URL(import.meta.url), { workerData: session }),
  );
  await Promise.all(threads.map((thread) => once(thread, "message")));
  // Each size once: its buffers are allocated, and the engine has seen it.
  for (const size of SIZES) await measure(threads, { size, images: 2 * size });

  const seen = new Map<Size, Measured[]>(SIZES.map((size) => [size, []]));
  for (let repetition = 0; repetition < repetitions; repetition += 1) {
    // Another one goes first each time, so that none profits from what went before it.
    const at = repetition % SIZES.length;
    for (const size of [...SIZES.slice(at), ...SIZES.slice(0, at)]) {
      seen.get(size)?.push(await measure(threads, { size, images }));
    }
  }
  await Promise.all(threads.map((thread) => thread.terminate()));

  const alone = seen.get(1) ?? [];
  const rows = SIZES.map((size) => {
    const measured = seen.get(size) ?? [];
    const against = (what: keyof Measured): string => {
      const ratios = measured.map(
        (each, index) => each[what] / (alone[index]?.[what] ?? Number.NaN),
      );
      const { median, low, high } = spreadOf(ratios);
      return `${median.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`;
    };
    const { median: rate } = spreadOf(measured.map((each) => each.rate));
    const { median: latency } = spreadOf(measured.map((each) => each.latency));
    return `| ${size} | ${rate.toFixed(0)} | ${against("rate")} | ${latency.toFixed(1)} | ${against("latency")} |`;
  });
  return [
    `${session.precision}, ${threads.length} threads, ${repetitions} repetitions`,
    "| batch | images/s | against 1 | ms a run | against 1 |",
    "|---|---|---|---|---|",
    ...rows,
  ].join("\n");
};

type Flags = { readonly model: string; readonly repetitions: string; readonly images: string };

if (isMainThread) {
  await new Command("micro-batch")
    .description("Compares batches of several sizes on the service's own network.")
    .requiredOption("--model <dir>", "model store or model directory")
    .option("--repetitions <n>", "slices of each size", "8")
    .option("--images <n>", "images of a slice, each thread", "96")
    .action(async ({ model, repetitions, images }: Flags) => {
      const { int8 } = await readMetadata((await resolveModel(model, "fp32")).directory);
      for (const precision of PRECISIONS) {
        if (precision === "int8" && !int8) continue;
        const table = await compare({ model, precision }, Number(repetitions), Number(images));
        process.stdout.write(`${table}\n\n`);
      }
    })
    .parseAsync();
} else {
  await serveSlices(workerData as Session);
}
