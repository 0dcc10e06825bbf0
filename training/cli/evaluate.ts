import process from "node:process";
import { Command, Option } from "commander";
import { writeFileAtomic } from "../../model/write-atomic.ts";
import {
  answersCsv,
  type DeployedEvaluation,
  evaluateDeployed,
} from "../deployed/evaluate-deployed.ts";
import { type LabelledSetChoice, openLabelledSet } from "../deployed/labelled-set.ts";
import { readServedSplit } from "../deployed/served-split.ts";
import { formatEvaluation, formatRefused, formatSkipped } from "../report.ts";
import { DEFAULT_SAMPLE_COUNT } from "../sources/sample.ts";
import { SOURCE_NAMES, type SourceName } from "../sources/source.ts";
import { UserError } from "../user-error.ts";
import { parseInteger, parseShare } from "./options.ts";
import { runCommand } from "./run-command.ts";

type Options = {
  readonly url: string;
  readonly source?: SourceName;
  readonly data?: string;
  readonly golden?: string;
  readonly seed: number;
  readonly count?: number;
  readonly out: string;
  readonly minAccuracy: number;
  readonly json?: boolean;
};

const baseOf = (url: string): URL => {
  const text = url.endsWith("/") ? url : `${url}/`;
  if (!URL.canParse(text)) {
    throw new UserError(`--url ${url} is no URL; give one such as http://127.0.0.1:8080.`);
  }
  return new URL(text);
};

const choiceOf = ({ golden, data, source, ...rest }: Options): LabelledSetChoice => {
  if (golden) return { kind: "golden", model: golden };
  if (data && !source) return { kind: "folder", data };
  const { seed, count } = rest;
  return {
    ...{ kind: "test-split", source: source ?? "sample", seed },
    ...(data && { data }),
    ...(count && { count }),
  };
};

/** Said of a model that was trained with other pictures, or with these in other parts. */
const OTHER_SPLIT =
  "note: this is not the split that the served model was trained with; it may have learnt some of these pictures, and then its accuracy is too high.";

const percent = (share: number): string => `${(share * 100).toFixed(2)} %`;

const summaryOf = ({ evaluation, latency, digests, skipped, refused }: DeployedEvaluation) => {
  const { test, perClass } = evaluation;
  return {
    ...{ ...test, perClass, latency, digests },
    ...{ skipped: skipped.length, refused: refused.length },
  };
};

const formatSummary = ({ evaluation, latency, digests }: DeployedEvaluation): string =>
  [
    formatEvaluation(evaluation),
    `latency p50 ${latency.p50.toFixed(1)} ms, p99 ${latency.p99.toFixed(1)} ms`,
    digests.length === 1
      ? `model ${digests[0]}`
      : `models (changed meanwhile) ${digests.join(" ")}`,
  ].join("\n");

const run = async (options: Options): Promise<void> => {
  const { out, minAccuracy, json } = options;
  const base = baseOf(options.url);
  const set = await openLabelledSet(choiceOf(options));
  try {
    process.stderr.write(`${base.href}: ${set.photos.length} pictures, ${set.name}\n`);
    const key = process.env["API_KEY"] || undefined;
    const result = await evaluateDeployed(base, set, key);
    await writeFileAtomic(out, answersCsv(result));
    if (result.skipped.length > 0) process.stderr.write(`${formatSkipped(result.skipped)}\n`);
    if (result.refused.length > 0) process.stderr.write(`${formatRefused(result.refused)}\n`);
    const summary = json ? JSON.stringify(summaryOf(result)) : formatSummary(result);
    process.stdout.write(`${summary}\n`);
    process.stderr.write(`every answer is in ${out}\n`);
    if (set.splitDigest !== undefined) {
      const served = await readServedSplit(base, key);
      if (served !== undefined && served !== set.splitDigest)
        process.stderr.write(`${OTHER_SPLIT}\n`);
    }
    const { accuracy } = result.evaluation.test;
    if (accuracy < minAccuracy) {
      throw new UserError(
        `accuracy ${percent(accuracy)} is below ${percent(minAccuracy)}; ${out} has the wrong answers.`,
      );
    }
  } finally {
    await set.close();
  }
};

const command = new Command("evaluate")
  .description(
    "Send labelled pictures through a deployed service and judge its answers. Its key, where it asks for one, is in API_KEY.",
  )
  .requiredOption("--url <url>", "where the service answers, such as http://127.0.0.1:8080")
  .option("--data <dir>", "a folder of labelled pictures: all of them, or with --source the folder")
  .addOption(
    new Option(
      "--source <name>",
      "the test split that a training of this source keeps back",
    ).choices([...SOURCE_NAMES]),
  )
  .addOption(
    new Option("--golden <store>", "the golden pictures of a model or model store").conflicts([
      "data",
      "source",
    ]),
  )
  .option("--seed <n>", "of the training", parseInteger(0), 42)
  .option("--count <n>", `drawn pictures (default: ${DEFAULT_SAMPLE_COUNT})`, parseInteger(6))
  .option("--out <file>", "where every answer is written", "artifacts/post_deploy_eval.csv")
  .option("--min-accuracy <share>", "fail below this accuracy", parseShare, 0)
  .option("--json", "write the summary as one JSON object")
  .action(run);

await runCommand(command);
