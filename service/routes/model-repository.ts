import { Hono } from "hono";
import { z } from "zod";
import { requireScope } from "../access/guard.ts";
import { readBody } from "../body.ts";
import {
  type repositoryDoneSchema,
  repositoryIndexRequestSchema,
  type repositoryIndexSchema,
  repositoryLoadRequestSchema,
  repositoryUnloadRequestSchema,
} from "../inference-protocol/schemas.ts";
import type { ModelRepository } from "../model-repository.ts";
import type { ServiceEnv } from "../observe.ts";
import { ProblemError } from "../problem.ts";

const done: z.infer<typeof repositoryDoneSchema> = {};

/** These bodies hold a name or two. */
const BODY = { maxBytes: 64 * 1024, timeoutSeconds: 10 };

const readJson = async <T>(
  { incoming, outgoing }: ServiceEnv["Bindings"],
  schema: z.ZodType<T>,
): Promise<T> => {
  const text = Buffer.from(await readBody(incoming, outgoing, BODY)).toString("utf8");
  try {
    return schema.parse(JSON.parse(text.trim() || "{}"));
  } catch (error) {
    const reason = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    throw new ProblemError(
      "bad-request",
      `The body is not usable: ${reason.replaceAll(/\s+/g, " ").slice(0, 300)}.`,
    );
  }
};

/**
 * The model-repository extension of the Open Inference Protocol: what the store holds, and which of it is loaded. For
 * administrators only, since each model takes memory.
 */
export const modelRepositoryRoutes = (repository: ModelRepository): Hono<ServiceEnv> => {
  const admin = requireScope("admin");
  const app = new Hono<ServiceEnv>();
  app.post("/v2/repository/index", admin, async (c) => {
    const { ready = false } = await readJson(c.env, repositoryIndexRequestSchema);
    const all: z.infer<typeof repositoryIndexSchema> = await repository.index();
    return c.json(ready ? all.filter(({ state }) => state === "READY") : all);
  });
  app.post("/v2/repository/models/:name/load", admin, async (c) => {
    const { parameters = {} } = await readJson(c.env, repositoryLoadRequestSchema);
    await repository.load(c.req.param("name"), parameters.version);
    return c.json(done);
  });
  app.post("/v2/repository/models/:name/unload", admin, async (c) => {
    await readJson(c.env, repositoryUnloadRequestSchema);
    await repository.unload(c.req.param("name"));
    return c.json(done);
  });
  return app;
};
