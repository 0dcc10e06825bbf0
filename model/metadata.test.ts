import { describe, expect, it } from "vitest";
import { modelMetadataSchema } from "./metadata.ts";
import { stubMetadata } from "./testing/stub-model.ts";

describe("modelMetadataSchema", () => {
  const valid = stubMetadata();

  it("accepts what training writes and keeps it as it is", () => {
    expect(modelMetadataSchema.parse(JSON.parse(JSON.stringify(valid)))).toEqual(valid);
  });

  it.each([
    ["an unknown key", { ...valid, surprise: 1 }],
    ["another schema version", { ...valid, schemaVersion: 2 }],
    ["a digest without its algorithm", { ...valid, digest: "0".repeat(64) }],
    [
      "one label",
      { ...valid, labels: ["cat"], output: { name: "probabilities", shape: [null, 1] } },
    ],
    ["repeated labels", { ...valid, labels: ["cat", "cat"] }],
    [
      "an output of another width",
      { ...valid, output: { name: "probabilities", shape: [null, 3] } },
    ],
    ["a negative log loss", { ...valid, metrics: { ...valid.metrics, logLoss: -1 } }],
    [
      "a golden file elsewhere",
      { ...valid, golden: [{ file: "../x.jpg", label: "cat", probability: 1 }] },
    ],
    [
      "an unknown resize kernel",
      { ...valid, preprocessing: { ...valid.preprocessing, kernel: "magic" } },
    ],
  ])("refuses %s", (_, metadata) => {
    expect(modelMetadataSchema.safeParse(metadata).success).toBe(false);
  });
});
