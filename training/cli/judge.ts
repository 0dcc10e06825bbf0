import process from "node:process";
import { Command, Option } from "commander";
import { PRECISIONS, type Precision } from "../../model/precision.ts";
import { judge } from "../judge.ts";
import { formatEvaluation, formatSkipped } from "../report.ts";
import { runCommand } from "./run-command.ts";

type Options = {
  readonly model: string;
  readonly data: string;
  readonly precision?: Precision;
  readonly json?: boolean;
};

const command = new Command("judge")
  .description("Judge a model on a folder of labelled pictures.")
  .requiredOption("--model <dir>", "the model's directory, or a model store")
  .requiredOption("--data <dir>", "sub-folders by class, or files named like cat.1.jpg")
  .addOption(
    new Option(
      "--precision <name>",
      "which of the model's files (default: what model.json says)",
    ).choices([...PRECISIONS]),
  )
  .option("--json", "write one JSON object to standard output")
  .action(async ({ model, data, precision, json }: Options) => {
    const { evaluation, digest, skipped } = await judge(model, data, precision);
    if (skipped.length > 0) process.stderr.write(`${formatSkipped(skipped)}\n`);
    if (!json) {
      process.stdout.write(`${formatEvaluation(evaluation)}\n`);
      return;
    }
    const { test, calibration: _, ...figures } = evaluation;
    const answer = { ...test, ...figures, digest, skipped: skipped.length };
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  });

await runCommand(command);
