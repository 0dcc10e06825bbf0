import { Hono } from "hono";
import type { z } from "zod";
import type { predictAnswerSchema } from "../answer-schemas.ts";
import type { Infer } from "../inference.ts";
import type { ServiceEnv } from "../observe.ts";
import { acceptUpload } from "../upload.ts";
import type { Pool } from "../worker-pool/pool.ts";

/** `POST /predict`: an image in, its label and probabilities out. */
export const predictRoute = (infer: Infer, pool: Pool): Hono<ServiceEnv> => {
  const app = new Hono<ServiceEnv>();
  app.post("/predict", async (c) => {
    const { prediction, model } = await infer(c.env, () => {
      const cut = acceptUpload(c.env.incoming.headers);
      return { images: 1, ask: (body, signal) => pool.predict(cut(body), signal) };
    });
    const { name, version, digest } = model;
    const answer: z.infer<typeof predictAnswerSchema> = {
      ...prediction,
      model: { name, version, digest },
    };
    return c.body(JSON.stringify(answer), 200, { "content-type": "application/json" });
  });
  return app;
};
