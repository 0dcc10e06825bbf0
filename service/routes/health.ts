import { Hono } from "hono";
import type { z } from "zod";
import { testedPrecision } from "../../model/precision.ts";
import type { healthAnswerSchema, probeAnswerSchema } from "../answer-schemas.ts";
import type { BuildInfo } from "../build-info.ts";
import { type Lifecycle, statusOf } from "../lifecycle.ts";
import type { ServiceEnv } from "../observe.ts";

/** Nothing of a probe's answer may be remembered by anyone. */
const NO_STORE = { "cache-control": "no-store" };

/**
 * `/livez`: the event loop turns. `/readyz`: send requests here. `/health`: both, with what is served and what serves.
 */
export const healthRoutes = (
  lifecycle: Lifecycle,
  workersReady: () => number,
  build: BuildInfo,
): Hono<ServiceEnv> => {
  const status = () => statusOf(lifecycle, workersReady());
  const app = new Hono<ServiceEnv>();
  app.get("/livez", (c) =>
    c.json<z.infer<typeof probeAnswerSchema>>({ status: "ok" }, 200, NO_STORE),
  );
  app.get("/readyz", (c) => {
    const now = status();
    return c.json<z.infer<typeof probeAnswerSchema>>(
      { status: now },
      now === "ok" ? 200 : 503,
      NO_STORE,
    );
  });
  app.get("/health", (c) => {
    const now = status();
    const { model } = lifecycle;
    const served = model && {
      name: model.name,
      version: model.version,
      digest: model.digest,
      labels: model.labels,
      source: model.training.source,
      testAccuracy: model.metrics.test.accuracy,
      testAccuracyOf: testedPrecision(model),
      gitCommit: model.build.gitCommit,
    };
    const answer: z.infer<typeof healthAnswerSchema> = {
      status: now,
      model: served ?? null,
      build,
    };
    return c.json(answer, now === "ok" ? 200 : 503, NO_STORE);
  });
  return app;
};
