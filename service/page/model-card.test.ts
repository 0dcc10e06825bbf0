import { describe, expect, it } from "vitest";
import type { ModelMetadata } from "../../model/metadata.ts";
import { atPrecision } from "../../model/precision.ts";
import { stubMetadata } from "../../model/testing/stub-model.ts";
import { modelCard } from "./model-card.ts";

const none = { precision: 0, recall: 0, f1: 0 };
const model: ModelMetadata = {
  ...stubMetadata(),
  labels: ["cat", "dog"],
  metrics: {
    test: { accuracy: 0.9, interval: [0.77, 0.96], count: 40 },
    macro: none,
    perClass: {
      cat: { precision: 20 / 24, recall: 1, f1: 20 / 22, support: 20 },
      dog: { precision: 1, recall: 16 / 20, f1: 32 / 36, support: 20 },
    },
    logLoss: 0.322,
    calibrationError: 0.053,
  },
};
const row = (name: string, ...values: readonly (number | string)[]) =>
  `<tr><th scope="row">${name}</th>${values.map((value) => `<td>${value}</td>`).join("")}</tr>`;

describe("the model's card", () => {
  it("says what the model is, how good, and where it is from", () => {
    const card = modelCard(model);
    for (const text of [
      model.name,
      model.version,
      model.digest,
      "cat, dog",
      "90 % of 40 test photos (95 % interval 77 % to 96 %)",
      model.training.splitDigest,
      model.build.gitCommit,
    ]) {
      expect(card).toContain(text);
    }
    expect(card).toContain(row("dog", "100 %", "80 %", "88.9 %", 20));
  });

  it("says of which file the figures are where int8 answers", () => {
    const int8: ModelMetadata["int8"] = {
      digest: `sha256:${"8".repeat(64)}`,
      byDefault: false,
      calibration: { method: "min-max", count: 8, digest: model.digest },
      validation: {
        ...{ count: 100, accuracy: { fp32: 0.97, int8: 0.94 }, lossPoints: 3 },
        ...{ labelFlips: 3, meanDifference: 0.01 },
      },
      golden: [],
    };
    const untested = modelCard(atPrecision({ ...model, int8 }, "int8"));
    expect(untested).toContain("of the fp32 file; int8, which answers, was not tested");
    expect(untested).toContain("94 % and 97 % of 100 validation photos (points lost: 3)");
    expect(untested).toContain("90 % of 40 test photos");

    const test: ModelMetadata["metrics"]["test"] = {
      ...{ accuracy: 0.875, count: 40 },
      interval: [0.7389, 0.9454],
    };
    const own = { ...int8, metrics: { ...model.metrics, test } };
    const tested = modelCard(atPrecision({ ...model, int8: own }, "int8"));
    expect(tested).toContain("of the int8 file, which answers");
    expect(tested).toContain("87.5 % of 40 test photos");
    expect(modelCard(atPrecision({ ...model, int8: own }, "fp32"))).not.toContain("int8");
  });

  it("works out the confusion matrix of two labels", () => {
    const card = modelCard(model);
    expect(card).toContain(row("cat", 20, 0));
    expect(card).toContain(row("dog", 4, 16));
  });

  it("has none of three labels, of which recall and support do not say it all", () => {
    const labels = [...model.labels, "other"];
    const perClass = { ...model.metrics.perClass, other: { ...none, support: 0 } };
    const card = modelCard({ ...model, labels, metrics: { ...model.metrics, perClass } });
    expect(card).toContain(row("other", "0 %", "0 %", "0 %", 0));
    expect(card).not.toContain("Confusion");
  });
});
