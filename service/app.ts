import { Hono } from "hono";
import type { Logger } from "pino";
import type { z } from "zod";
import { type Access, guard } from "./access/guard.ts";
import type { indexAnswerSchema } from "./answer-schemas.ts";
import type { BuildInfo } from "./build-info.ts";
import { createInference, type InferenceOptions } from "./inference.ts";
import type { ModelRepository } from "./model-repository.ts";
import { observe, type ServiceEnv } from "./observe.ts";
import { PROBLEM_TYPE, ProblemError, problemBody } from "./problem.ts";
import { healthRoutes } from "./routes/health.ts";
import {
  inferenceProtocolRoutes,
  isProtocolPath,
  protocolErrorBody,
} from "./routes/inference-protocol.ts";
import { type JobRoutesOptions, jobRoutes } from "./routes/jobs.ts";
import { metricsRoute } from "./routes/metrics.ts";
import { modelRepositoryRoutes } from "./routes/model-repository.ts";
import { openApiRoutes } from "./routes/openapi.ts";
import { outputsRoute } from "./routes/outputs.ts";
import { pageRoute } from "./routes/page.ts";
import { predictRoute } from "./routes/predict.ts";
import { type ProcessOptions, processRoute } from "./routes/process.ts";
import { statusRoute } from "./routes/status.ts";
import type { Sampling } from "./sampling/sampling.ts";
import type { StatusSource } from "./status/page.ts";
import type { OpenedStorage } from "./storage/open-storage.ts";

export type AppOptions = InferenceOptions & {
  /** Photos in one request of the Open Inference Protocol. */
  readonly maxBatch: number;
  readonly repository: ModelRepository;
  /** Keeps a share of the photos. @default none */
  readonly sampling?: Sampling;
  readonly build: BuildInfo;
  readonly log: Logger;
  /** Who may ask, and how often. @default everyone, as often as they like, for all but what needs the scope `admin` */
  readonly access?: Access;
  /** What `/process` needs beside that; its photos have slots of their own. @default none: it is not there, for tests */
  readonly processing?: Pick<ProcessOptions, "processor" | "config" | "admission" | "store">;
  /** Where /status gets its figures. @default none: the page says so */
  readonly status?: StatusSource;
  /** What takes batches. @default nothing does */
  readonly batch?: Omit<JobRoutesOptions, "storage" | "lifecycle" | "workersReady" | "log">;
  /** Where outputs are kept. @default nowhere */
  readonly storage?: OpenedStorage | undefined;
};

/** The routes, by path and methods; what else is asked of a path gets 405 with these. */
export const ROUTES = {
  "/": "GET, HEAD",
  "/predict": "POST",
  "/process": "POST",
  "/batch": "POST",
  "/jobs/:id": "GET, HEAD, DELETE",
  "/jobs/:id/events": "GET, HEAD",
  "/health": "GET, HEAD",
  "/livez": "GET, HEAD",
  "/readyz": "GET, HEAD",
  "/metrics": "GET, HEAD",
  "/status": "GET, HEAD",
  "/page/:script": "GET, HEAD",
  "/outputs/:key": "GET, HEAD",
  "/openapi.json": "GET, HEAD",
  "/docs": "GET, HEAD",
  "/v2": "GET, HEAD",
  "/v2/health/live": "GET, HEAD",
  "/v2/health/ready": "GET, HEAD",
  "/v2/models/:name": "GET, HEAD",
  "/v2/models/:name/ready": "GET, HEAD",
  "/v2/models/:name/infer": "POST",
  "/v2/models/:name/versions/:version": "GET, HEAD",
  "/v2/models/:name/versions/:version/ready": "GET, HEAD",
  "/v2/models/:name/versions/:version/infer": "POST",
  "/v2/repository/index": "POST",
  "/v2/repository/models/:name/load": "POST",
  "/v2/repository/models/:name/unload": "POST",
} as const;

/** The whole HTTP application. It runs under @hono/node-server, whose bindings it needs. */
export const createApp = (options: AppOptions): Hono<ServiceEnv> => {
  const { lifecycle, pool, metrics, build, log } = options;
  const app = new Hono<ServiceEnv>();

  app.use(observe(metrics, log));
  app.use(async function closeWhileDraining(c, next) {
    const serving = lifecycle.phase === "serving";
    if (!serving) c.header("connection", "close");
    await next();
    // A drain that began meanwhile: clients move to another replica with their next request.
    if (serving && lifecycle.phase !== "serving") c.header("connection", "close");
  });
  if (options.tracing) app.use(options.tracing.middleware);
  if (options.access) app.use(guard(options.access, lifecycle));
  const description: z.infer<typeof indexAnswerSchema> = {
    name: "image-classification",
    routes: ROUTES,
  };
  app.route("/", pageRoute({ lifecycle, maxBytes: options.body.maxBytes, description }));
  const infer = createInference(options);
  app.route("/", predictRoute({ ...options, infer }));
  const { processing } = options;
  if (processing) app.route("/", processRoute({ ...options, ...processing }));
  app.route("/", inferenceProtocolRoutes({ ...options, infer }));
  app.route("/", modelRepositoryRoutes(options.repository));
  if (options.batch) {
    const { storage } = options.storage ?? {};
    app.route(
      "/",
      jobRoutes({ ...options.batch, storage, lifecycle, workersReady: pool.ready, log }),
    );
  }
  app.route("/", healthRoutes(lifecycle, pool.ready, build));
  app.route("/", outputsRoute(options.storage));
  app.route("/", openApiRoutes(build.version));
  app.route("/", metricsRoute(metrics.registry));
  app.route("/", statusRoute(options.status, log));
  for (const [path, allow] of Object.entries(ROUTES)) {
    app.all(path, () => {
      throw new ProblemError("method-not-allowed", `This path answers ${allow}.`, {
        headers: { allow },
      });
    });
  }
  app.notFound(() => {
    throw new ProblemError("not-found", "There is no such path; GET / lists what there is.");
  });
  app.onError((error, c) => {
    const requestId = c.get("requestId");
    const problem =
      error instanceof ProblemError
        ? error
        : new ProblemError("internal", "The service failed; the log has the reason.", {
            cause: error,
          });
    if (problem.status === 500) log.error({ requestId, err: problem.cause }, problem.message);
    const { path } = c.req;
    const [type, body] = isProtocolPath(path)
      ? ["application/json", protocolErrorBody(problem)]
      : [PROBLEM_TYPE, problemBody(problem, { path, requestId, traceId: c.get("traceId") })];
    // Hono's type knows the registered numbers only; 499 is ours.
    return c.body(body, problem.status as 500, {
      ...{ "content-type": type, "cache-control": "no-store" },
      ...problem.headers,
    });
  });
  return app;
};
