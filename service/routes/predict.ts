import { Hono } from "hono";
import type { z } from "zod";
import type { ModelMetadata } from "../../model/metadata.ts";
import type { predictAnswerSchema } from "../answer-schemas.ts";
import { explain } from "../explanation.ts";
import type { Infer, InferenceOptions } from "../inference.ts";
import type { ServiceEnv } from "../observe.ts";
import { ProblemError } from "../problem.ts";
import type { Sampling } from "../sampling/sampling.ts";
import { acceptUpload } from "../upload.ts";

export type PredictRouteOptions = Pick<InferenceOptions, "pool" | "lifecycle" | "drift"> & {
  readonly infer: Infer;
  /** Keeps a share of the photos. @default none */
  readonly sampling?: Pick<Sampling, "wants" | "keep">;
};

/** Whether an explanation is asked for. @throws ProblemError `bad-request`, or `model-conflict` where there can be none */
const readExplain = (value: string | undefined, model: ModelMetadata | undefined): boolean => {
  if (value === undefined || value === "0") return false;
  if (value !== "1") {
    throw new ProblemError("bad-request", "explain is 1 or 0; say explain=1 for an explanation.");
  }
  if (model && !model.activation) {
    throw new ProblemError(
      "model-conflict",
      `Model ${model.version} is of an older training and cannot explain its answers; train again.`,
    );
  }
  return true;
};

/** `POST /predict`: an image in, its label and probabilities out; with `?explain=1` also where in the photo they come from. */
export const predictRoute = (options: PredictRouteOptions): Hono<ServiceEnv> => {
  const { infer, pool, lifecycle, drift, sampling } = options;
  const app = new Hono<ServiceEnv>();
  app.post("/predict", async (c) => {
    let sample: Uint8Array | undefined;
    const { prediction, map, model } = await infer(c.env, () => {
      const explained = readExplain(c.req.query("explain"), lifecycle.model);
      const cut = acceptUpload(c.env.incoming.headers);
      return {
        images: 1,
        ask: (body, signal) => {
          const image = cut(body);
          // A copy: the worker gets the photo itself.
          if (lifecycle.model && sampling?.wants()) sample = new Uint8Array(image);
          const projections = drift?.wantsEmbedding() ?? false;
          const extras = explained || projections ? { map: explained, projections } : undefined;
          return pool.predict(image, signal, { extras });
        },
      };
    });
    if (sample) void sampling?.keep(sample, { prediction, model });
    const { name, version, digest } = model;
    const answer: z.infer<typeof predictAnswerSchema> = {
      ...prediction,
      model: { name, version, digest },
      ...(map && { explanation: explain(map, prediction.label, model.preprocessing) }),
    };
    return c.body(JSON.stringify(answer), 200, { "content-type": "application/json" });
  });
  return app;
};
