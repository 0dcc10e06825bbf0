import { expect, it } from "vitest";
import type { ModelMetadata } from "../../model/metadata.ts";
import { atPrecision } from "../../model/precision.ts";
import { stubMetadata } from "../../model/testing/stub-model.ts";
import { healthAnswerSchema } from "../answer-schemas.ts";
import { healthRoutes } from "./health.ts";

const build = { version: "1", commit: "abc", node: "24", onnxruntime: "1" };

const ask = async (model: ModelMetadata) => {
  const app = healthRoutes({ phase: "serving", model }, () => 1, build);
  return healthAnswerSchema.parse(await (await app.request("/health")).json()).model;
};

it("tells of which file the accuracy is: an older training did not test the one that answers", async () => {
  const model = stubMetadata();
  const int8: ModelMetadata["int8"] = {
    digest: `sha256:${"8".repeat(64)}`,
    byDefault: true,
    calibration: { method: "min-max", count: 8, digest: model.digest },
    validation: {
      ...{ count: 1, accuracy: { fp32: 1, int8: 1 }, lossPoints: 0 },
      ...{ labelFlips: 0, meanDifference: 0 },
    },
    golden: [],
  };
  const { digest } = int8;
  const ofFp32 = { testAccuracy: model.metrics.test.accuracy, testAccuracyOf: "fp32" };
  expect(await ask(atPrecision({ ...model, int8 }))).toMatchObject({ digest, ...ofFp32 });

  const test = { ...model.metrics.test, accuracy: 0.125 };
  const tested = { ...model, int8: { ...int8, metrics: { ...model.metrics, test } } };
  const ofInt8 = { testAccuracy: 0.125, testAccuracyOf: "int8" };
  expect(await ask(atPrecision(tested))).toMatchObject({ digest, ...ofInt8 });
  expect(await ask(atPrecision(tested, "fp32"))).toMatchObject({ digest: model.digest, ...ofFp32 });
});
