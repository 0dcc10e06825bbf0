/** @import { Outcome } from "./outcome.js" */

/**
 * A photo's row. @typedef {{ readonly file: string, readonly outcome: Outcome }} Result
 */

/**
 * One field (RFC 4180). What a spreadsheet would take for a formula gets an apostrophe: a file's name is anybody's text.
 *
 * @param {string | number} value
 */
const field = (value) => {
  const text = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : `${value}`;
  // Some countries' spreadsheets separate fields by semicolons, others are told to by tabs.
  return /[",;\t\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

/**
 * The results as CSV: a row a photo, a column a label.
 *
 * @param {readonly Result[]} results
 */
export const toCsv = (results) => {
  const answers = results.flatMap(({ outcome }) => (outcome.kind === "answered" ? [outcome] : []));
  const labels = [
    ...new Set(answers.flatMap(({ prediction }) => Object.keys(prediction.probabilities))),
  ];
  const header = [
    ...["file", "label", "probability", ...labels.map((label) => `probability_${label}`)],
    ...["milliseconds", "model", "model_version", "model_digest", "error"],
  ];
  const rows = results.map(({ file, outcome }) => {
    if (outcome.kind !== "answered") {
      const empty = header.slice(2).map(() => "");
      return [file, ...empty, `${outcome.title}: ${outcome.detail}`];
    }
    const { label, probability, probabilities, model } = outcome.prediction;
    return [
      ...[file, label, probability, ...labels.map((name) => probabilities[name] ?? "")],
      ...[Math.round(outcome.milliseconds), model.name, model.version, model.digest, ""],
    ];
  });
  return [header, ...rows].map((row) => `${row.map(field).join(",")}\r\n`).join("");
};
