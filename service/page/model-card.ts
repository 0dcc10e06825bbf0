import type { ModelMetadata } from "../../model/metadata.ts";
import { testedPrecision } from "../../model/precision.ts";
import { escapeText } from "../html/document.ts";
import { format } from "../status/format.ts";

type Metrics = ModelMetadata["metrics"];

const share = (value: number): string => format(value, "share");

const facts = (entries: Readonly<Record<string, string | number | boolean>>): string =>
  `<dl class="facts">${Object.entries(entries)
    .map(([name, value]) => `<dt>${escapeText(name)}</dt><dd>${escapeText(String(value))}</dd>`)
    .join("")}</dl>`;

const table = (
  caption: string,
  header: readonly string[],
  rows: readonly (readonly [name: string, ...values: readonly string[]])[],
): string =>
  `<div><h3>${caption}</h3><table><caption>${caption}</caption><thead><tr>${header
    .map((name) => `<th scope="col">${escapeText(name)}</th>`)
    .join("")}</tr></thead><tbody>${rows
    .map(
      ([name, ...values]) =>
        `<tr><th scope="row">${escapeText(name)}</th>${values.map((value) => `<td>${escapeText(value)}</td>`).join("")}</tr>`,
    )
    .join("")}</tbody></table></div>`;

const perClass = ({ perClass: classes }: Metrics): string =>
  table(
    "By class",
    ["Class", "Precision", "Recall", "F1", "Photos"],
    Object.entries(classes).map(([label, { precision, recall, f1, support }]) => [
      label,
      share(precision),
      share(recall),
      share(f1),
      String(support),
    ]),
  );

/**
 * The confusion matrix on the test split. With two labels recall and support say all of it: what is not answered right
 * is answered with the other label. With more they do not, and the sidecar has no matrix of its own.
 */
const confusion = (labels: readonly string[], { perClass: classes }: Metrics): string => {
  if (labels.length !== 2) return "";
  const rows = labels.map((label): readonly [string, ...string[]] => {
    const { recall = 0, support = 0 } = classes[label] ?? {};
    const right = Math.round(recall * support);
    return [label, ...labels.map((answer) => String(answer === label ? right : support - right))];
  });
  return table("Confusion matrix", ["Photo of", ...labels.map((l) => `answered ${l}`)], rows);
};

/** Where the int8 file answers: of which file the test figures are, and how the two compare. */
const precisionFacts = (model: ModelMetadata): Readonly<Record<string, string>> => {
  const { digest, int8 } = model;
  if (digest !== int8?.digest) return {};
  const { count, accuracy, lossPoints } = int8.validation;
  const tested =
    testedPrecision(model) === "int8"
      ? "of the int8 file, which answers"
      : "of the fp32 file; int8, which answers, was not tested";
  return {
    "Test figures": tested,
    "int8 and fp32": `${share(accuracy.int8)} and ${share(accuracy.fp32)} of ${count} validation photos (points lost: ${format(lossPoints, "count")})`,
  };
};

/** What is to be known of a model, from its sidecar: identity, quality and origin, as HTML. */
export const modelCard = (model: ModelMetadata): string => {
  const { name, version, digest, labels, metrics, training, backbone, build } = model;
  const { accuracy, interval, count } = metrics.test;
  const { train, val, test } = training.counts;
  return `${facts({
    Name: name,
    Version: version,
    Digest: digest,
    Labels: labels.join(", "),
    Accuracy: `${share(accuracy)} of ${count} test photos (95 % interval ${share(interval[0])} to ${share(interval[1])})`,
    "Log loss": format(metrics.logLoss, "count"),
    "Calibration error": share(metrics.calibrationError),
    ...precisionFacts(model),
  })}
<div class="tables">${perClass(metrics)}${confusion(labels, metrics)}</div>
<h3>Training run</h3>
${facts({
  Photos: `${training.source}: ${train} to train, ${val} to validate, ${test} to test`,
  "Split digest": training.splitDigest,
  Seed: training.seed,
  Commit: build.gitCommit,
  Backbone: `${backbone.name} (${backbone.licence}), ${backbone.source}`,
})}
<details><summary>Settings, origins of its numbers, libraries</summary>
${facts({ ...training.hyperparameters, ...training.provenance, ...build.libraries })}
</details>`;
};
