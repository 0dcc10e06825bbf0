/*
 * Runs a model on a device without the service: no HTTP, no threads, one photo after the other.
 *
 *   node examples/edge-run.ts photo.jpg … [--model artifacts/model] [--precision int8] [--threads 1]
 *
 * The device needs Node.js 24, the folder model/ with its dependencies (`npm ci -w model`), and the model's directory.
 */
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { createClassifier } from "../model/classifier.ts";
import { PRECISIONS } from "../model/precision.ts";
import { readModel } from "../model/store.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    model: { type: "string", default: "artifacts/model" },
    precision: { type: "string" },
    threads: { type: "string", default: "1" },
  },
});
const precision = PRECISIONS.find((known) => known === values.precision);

const explain = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
const fail = (error: unknown): never => {
  process.stderr.write(`${explain(error)}\n`);
  process.exit(1);
};

if (values.precision !== undefined && !precision) {
  fail(`--precision ${values.precision} is not known; take ${PRECISIONS.join(" or ")}.`);
}
// Refused unless the file is the one that model.json names, by its digest.
const classifier = await readModel(values.model, precision)
  .then((model) => createClassifier(model, Number(values.threads)))
  .catch(fail);
for (const file of positionals) {
  try {
    const photo = await readFile(file);
    const begun = performance.now();
    const [prediction] = await classifier.classify([await classifier.decode(photo)]);
    const milliseconds = (performance.now() - begun).toFixed(1);
    process.stdout.write(`${file}: ${prediction?.label} ${prediction?.probability.toFixed(4)}\n`);
    process.stderr.write(`${file}: ${milliseconds} ms\n`);
  } catch (error) {
    process.exitCode = 1;
    process.stderr.write(`${file}: ${explain(error)}\n`);
  }
}
await classifier.release();
