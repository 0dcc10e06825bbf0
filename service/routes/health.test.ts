import { expect, it } from "vitest";
import { stubMetadata } from "../../model/testing/stub-model.ts";
import { healthAnswerSchema } from "../answer-schemas.ts";
import { healthRoutes } from "./health.ts";

it("tells of which file the accuracy is: another one may answer", async () => {
  const model = { ...stubMetadata(), digest: `sha256:${"8".repeat(64)}` };
  const build = { version: "1", commit: "abc", node: "24", onnxruntime: "1" };
  const app = healthRoutes({ phase: "serving", model }, () => 1, build);
  const answer = healthAnswerSchema.parse(await (await app.request("/health")).json());
  expect(answer.model).toMatchObject({
    digest: model.digest,
    ...{ testAccuracy: model.metrics.test.accuracy, testAccuracyOf: "fp32" },
  });
});
