import type { ModelMetadata } from "../model/metadata.ts";
import type { Evaluation } from "./evaluate.ts";
import type { Skipped } from "./inspect.ts";

const SHOWN = 5;
const percent = (share: number): string => `${(share * 100).toFixed(2)} %`;

/** The figures of a model as a table for people. */
export const formatEvaluation = (
  evaluation: Omit<Evaluation, "confusion" | "calibration">,
): string => {
  const { test, macro, perClass, logLoss, calibrationError } = evaluation;
  const [low, high] = test.interval;
  const width = Math.max(7, ...Object.keys(perClass).map((label) => label.length));
  const row = (cells: readonly (string | number)[]): string =>
    cells.map((cell, i) => (i === 0 ? `${cell}`.padEnd(width) : `${cell}`.padStart(10))).join("");
  return [
    `accuracy ${percent(test.accuracy)} (95 % interval ${percent(low)} to ${percent(high)}) on ${test.count} pictures`,
    `log loss ${logLoss.toFixed(4)}, calibration error ${percent(calibrationError)}`,
    row(["class", "precision", "recall", "F1", "pictures"]),
    ...Object.entries(perClass).map(([label, { precision, recall, f1, support }]) =>
      row([label, percent(precision), percent(recall), percent(f1), support]),
    ),
    row(["mean", percent(macro.precision), percent(macro.recall), percent(macro.f1), test.count]),
  ].join("\n");
};

/** How the integer form of a model compares, and which of both serves. */
export const formatInt8 = ({ int8 }: Pick<ModelMetadata, "int8">): string => {
  if (!int8) return "no int8 file";
  const { count, accuracy, lossPoints, labelFlips, meanDifference } = int8.validation;
  return (
    `int8 on ${count} validation pictures: accuracy ${percent(accuracy.int8)}, ${lossPoints.toFixed(2)} points lost, ` +
    `${labelFlips} other labels, probabilities ${meanDifference.toFixed(4)} off on average: ${int8.byDefault ? "int8" : "fp32"} serves`
  );
};

/** A line of text, and the first few files with what is to be said of each. */
const formatFiles = (title: string, files: readonly Skipped[]): string => {
  const lines = files.slice(0, SHOWN).map(({ id, reason }) => `  ${id}: ${reason}`);
  const more = files.length - lines.length;
  return [title, ...lines, ...(more > 0 ? [`  and ${more} more`] : [])].join("\n");
};

/** The files that were left out, the first few by name. */
export const formatSkipped = (skipped: readonly Skipped[]): string =>
  formatFiles(`skipped ${skipped.length} files that cannot be decoded:`, skipped);

/** The pictures that a service should have answered, the first few by name. */
export const formatRefused = (refused: readonly Skipped[]): string =>
  formatFiles(
    `refused ${refused.length} pictures that can be decoded, which count as wrong answers:`,
    refused,
  );
