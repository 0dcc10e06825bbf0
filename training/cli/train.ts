import { execFileSync } from "node:child_process";
import { access, constants, mkdir } from "node:fs/promises";
import process from "node:process";
import { Command, Option } from "commander";
import { ModelError } from "../../model/model-error.ts";
import { atPrecision } from "../../model/precision.ts";
import { modelDirectory, publishModel, readMetadata, writeModel } from "../../model/store.ts";
import { backboneFile } from "../backbone/backbone.ts";
import { cacheDirectory } from "../cache-directory.ts";
import { formatEvaluation, formatInt8, formatSkipped } from "../report.ts";
import { segmenterFile } from "../segmenter/segmenter.ts";
import { openSource, type SourceChoice } from "../sources/open-source.ts";
import { DEFAULT_SAMPLE_COUNT } from "../sources/sample.ts";
import { SOURCE_NAMES } from "../sources/source.ts";
import { trackTraining } from "../tracking/track.ts";
import { train } from "../train.ts";
import { UserError } from "../user-error.ts";
import { parseInteger, parseName, trackingCopiesOption, trackingOption } from "./options.ts";
import { runCommand } from "./run-command.ts";

type Options = {
  readonly source: SourceChoice["source"];
  readonly data?: string;
  readonly out?: string;
  readonly publish?: string;
  readonly name: string;
  readonly beside?: boolean;
  readonly seed: number;
  readonly count?: number;
  readonly splits: string;
  readonly figures: string;
  readonly backbone?: string;
  readonly segmenter?: string;
  readonly gitCommit?: string;
  readonly tracking?: string;
  readonly trackingCopies: string;
};

const currentCommit = (): string => {
  try {
    const stdio = ["ignore", "pipe", "ignore"] as ("ignore" | "pipe")[];
    return execFileSync("git", ["rev-parse", "HEAD"], { encoding: "utf8", stdio }).trim();
  } catch {
    // A container has neither git nor the repository.
    return "unknown";
  }
};

const say = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

/** One directory of a store is one model, with one name. @throws UserError when the very same network is there by another */
const requireName = async (directory: string, name: string): Promise<void> => {
  const there = await readMetadata(directory).catch((error: unknown) => {
    if (error instanceof ModelError) return undefined;
    throw error;
  });
  if (there === undefined || there.name === name) return;
  throw new UserError(
    `the store has the very same network by the name ${there.name}; publish it by that, or train with other pictures or another seed.`,
  );
};

const run = async (options: Options): Promise<void> => {
  const { out, publish, seed, name, beside } = options;
  const targets = [out, publish].filter((directory) => directory !== undefined);
  if (targets.length === 0) {
    throw new UserError("nowhere to put the model; give --out DIR, --publish STORE or both.");
  }
  for (const directory of [...targets, options.splits, options.figures]) {
    // Before minutes of work: can their result be written?
    await mkdir(directory, { recursive: true });
    await access(directory, constants.W_OK);
  }
  if (beside && !publish) {
    throw new UserError("--beside is about a store; give --publish STORE, too.");
  }
  const start = Date.now();
  const cache = cacheDirectory();
  const source = await openSource({ ...options, cache });
  try {
    say(`source ${source.name}: ${source.photos.length} pictures`);
    const trained = await train({
      source,
      backbone: await (options.backbone
        ? backboneFile.read(options.backbone)
        : backboneFile.obtain(cache)),
      segmenter: await (options.segmenter
        ? segmenterFile.read(options.segmenter)
        : segmenterFile.obtain(cache)),
      seed,
      name,
      splits: options.splits,
      cache,
      gitCommit: options.gitCommit ?? currentCommit(),
    });
    if (trained.skipped.length > 0) say(formatSkipped(trained.skipped));
    if (out) await writeModel(out, trained.files);
    if (publish) {
      const { digest } = trained.metadata;
      await requireName(modelDirectory(publish, digest), name);
      await publishModel(publish, trained.files, digest, beside ? name : undefined);
    }
    // Behind the model, which must not be lost over a picture. Chart.js and its canvas are loaded only when there is something to draw.
    const { writeFigures } = await import("../figures/write-figures.ts");
    await writeFigures(options.figures, {
      ...trained,
      labels: trained.metadata.labels,
      photos: trained.test,
    });
    say(formatEvaluation(trained.evaluation));
    say(formatInt8(trained.metadata));
    // The digest by which it answers and is found in MLflow.
    say(`model ${atPrecision(trained.metadata).digest} in ${targets.join(" and ")}`);
    if (options.tracking) {
      const tracking = { url: options.tracking, copies: options.trackingCopies };
      await trackTraining(tracking, trained, options.figures, { start, end: Date.now() }, say);
    }
  } finally {
    await source.close();
  }
};

const command = new Command("train")
  .description("Train a classifier and write model.onnx and model.json.")
  .addOption(
    new Option(
      "--source <name>",
      "where pictures come from; auto: kaggle with a token, else sample",
    )
      .choices(["auto", ...SOURCE_NAMES])
      .default("auto"),
  )
  .option("--data <dir>", "the folder of pictures, or where Kaggle's archive is kept")
  .option("--out <dir>", "where to write the model")
  .option("--publish <store>", "model store to add the model to and make it current in")
  .option("--name <name>", "the model's", parseName, "image-classifier")
  .option("--beside", "publish it under its name, beside the model that is current")
  .option("--seed <n>", "of every random choice", parseInteger(0), 42)
  .option("--count <n>", `drawn pictures (default: ${DEFAULT_SAMPLE_COUNT})`, parseInteger(6))
  .addOption(
    new Option("--splits <dir>", "where to write the split lists")
      .env("SPLITS_DIRECTORY")
      .default("data/splits"),
  )
  .addOption(
    new Option("--figures <dir>", "where to write the figures")
      .env("FIGURES_DIRECTORY")
      .default("artifacts/figures"),
  )
  .addOption(
    new Option(
      "--backbone <file>",
      "converted backbone; without it the weights are downloaded",
    ).env("BACKBONE_FILE"),
  )
  .addOption(
    new Option(
      "--segmenter <file>",
      "network that finds foregrounds; without it it is downloaded",
    ).env("SEGMENTER_FILE"),
  )
  .addOption(
    new Option("--git-commit <sha>", "noted in model.json (default: git's HEAD)").env(
      "BUILD_COMMIT",
    ),
  )
  .addOption(trackingOption())
  .addOption(trackingCopiesOption())
  .action(run);

await runCommand(command);
