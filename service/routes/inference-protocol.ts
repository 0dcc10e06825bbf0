import type { IncomingHttpHeaders } from "node:http";
import { type Context, Hono } from "hono";
import type { z } from "zod";
import type { ModelMetadata } from "../../model/metadata.ts";
import type { BuildInfo } from "../build-info.ts";
import type { Infer, InferenceOptions } from "../inference.ts";
import type {
  modelReadySchema,
  protocolErrorSchema,
  serverLiveSchema,
  serverMetadataSchema,
  serverReadySchema,
} from "../inference-protocol/schemas.ts";
import { TensorError } from "../inference-protocol/tensor-error.ts";
import { describeModel, writeInferenceAnswer } from "../inference-protocol/write-answer.ts";
import { statusOf } from "../lifecycle.ts";
import type { ModelLease, ModelRepository } from "../model-repository.ts";
import type { ServiceEnv } from "../observe.ts";
import { ProblemError } from "../problem.ts";

export type InferenceProtocolOptions = Pick<InferenceOptions, "pool" | "lifecycle" | "body"> & {
  readonly infer: Infer;
  readonly repository: Pick<ModelRepository, "loaded" | "lease">;
  readonly build: BuildInfo;
  /** Photos in one request. */
  readonly maxBatch: number;
};

/** Tells where an answer's or a request's JSON ends and its tensors' bytes begin. */
const JSON_LENGTH = "inference-header-content-length";
const NO_STORE = { "cache-control": "no-store" };

/** Length of the JSON that a request declares; undefined when there is nothing but JSON. @throws TensorError */
const declaredJsonBytes = (headers: IncomingHttpHeaders): number | undefined => {
  const declared = headers[JSON_LENGTH];
  if (declared === undefined) return undefined;
  if (typeof declared === "string" && /^\d{1,10}$/.test(declared)) return Number(declared);
  throw new TensorError("Inference-Header-Content-Length is no length; send the JSON's bytes.");
};

/**
 * The Open Inference Protocol, version 2, over REST: what clients of Triton and KServe speak. It answers for the models
 * that are loaded, in their version or without any; another name or version is 404.
 */
export const inferenceProtocolRoutes = (options: InferenceProtocolOptions): Hono<ServiceEnv> => {
  const { infer, pool, lifecycle, repository, body, build, maxBatch } = options;

  const isReady = (): boolean => statusOf(lifecycle, pool.ready()) === "ok";

  const notReady = (): ProblemError =>
    lifecycle.phase === "serving"
      ? new ProblemError("starting", "No model is loaded yet; try again soon.")
      : new ProblemError("draining", "The service is stopping; ask another one.");

  const noSuch = (served: readonly ModelMetadata[]): ProblemError => {
    const models = served.map(({ name, version }) => `${name} ${version}`).join(", ");
    const detail = `There is no such model or version; ${models} is served.`;
    return new ProblemError("not-found", detail);
  };

  /** The model that the path names, until it is released. @throws ProblemError `starting` or `not-found` */
  const lease = (c: Context<ServiceEnv>): ModelLease => {
    if (!lifecycle.model) throw notReady();
    const { name = "", version }: Record<string, string> = c.req.param();
    const leased = repository.lease(name, version);
    if (leased) return leased;
    throw noSuch(repository.loaded());
  };

  /** The model that the path names, for an answer at once. */
  const look = (c: Context<ServiceEnv>): ModelMetadata => {
    const { model, release } = lease(c);
    release();
    return model;
  };

  /** Versions of the path's model that answer, the one that a path without version means first. */
  const versionsOf = (c: Context<ServiceEnv>): string[] => {
    const named = repository.loaded().filter(({ name }) => name === c.req.param("name"));
    return [...new Set(named.map(({ version }) => version))];
  };

  const server: z.infer<typeof serverMetadataSchema> = {
    name: "image-classification",
    version: build.version,
    extensions: ["binary_tensor_data", "parameters", "model_repository"],
  };

  /** Images' worth of bytes that a request announces; what does not say is as large as it may be. */
  const imagesOf = ({ input }: ModelMetadata, headers: IncomingHttpHeaders): number => {
    const [, channels, height, width] = input.shape;
    const bytes = Math.min(Number(headers["content-length"] ?? body.maxBytes), body.maxBytes);
    return Math.max(1, Math.floor(bytes / (4 * channels * height * width)));
  };

  const accept = (
    { model, digest }: Pick<ModelLease, "model" | "digest">,
    headers: IncomingHttpHeaders,
  ) => {
    const encoding = headers["content-encoding"] ?? "identity";
    if (encoding !== "identity") {
      throw new ProblemError("unsupported-type", "The body is compressed; send it as it is.");
    }
    const declared = declaredJsonBytes(headers);
    return {
      images: imagesOf(model, headers),
      ...(digest !== undefined && { named: model }),
      ask: (bytes: Uint8Array<ArrayBuffer>, signal: AbortSignal) => {
        const jsonBytes = declared ?? bytes.length;
        if (declared === undefined && bytes.length === 0) {
          throw new TensorError("The body is empty; send an inference request.");
        }
        if (jsonBytes > bytes.length) {
          throw new TensorError(
            `Inference-Header-Content-Length is ${jsonBytes}, but ${bytes.length} bytes came.`,
          );
        }
        return pool.infer({ body: bytes, jsonBytes, maxBatch }, signal, digest);
      },
    };
  };

  const app = new Hono<ServiceEnv>();
  app.get("/v2", (c) => c.json(server));
  app.get("/v2/health/live", (c) =>
    c.json<z.infer<typeof serverLiveSchema>>({ live: true }, 200, NO_STORE),
  );
  app.get("/v2/health/ready", (c) => {
    if (!isReady()) throw notReady();
    return c.json<z.infer<typeof serverReadySchema>>({ ready: true }, 200, NO_STORE);
  });
  for (const path of ["/v2/models/:name", "/v2/models/:name/versions/:version"]) {
    app.get(path, (c) => c.json(describeModel(look(c), versionsOf(c))));
    app.get(`${path}/ready`, (c) => {
      const { name } = look(c);
      if (!isReady()) throw notReady();
      return c.json<z.infer<typeof modelReadySchema>>({ name, ready: true }, 200, NO_STORE);
    });
    app.post(`${path}/infer`, async (c) => {
      const { incoming } = c.env;
      let leased: ModelLease | undefined;
      try {
        const { predictions, asked, model } = await infer(c.env, () => {
          leased = lease(c);
          return accept(leased, incoming.headers);
        });
        // Another one may have taken the place of the one of /predict meanwhile.
        const { name, version = model.version }: Record<string, string> = c.req.param();
        if (model.name !== name || model.version !== version) throw noSuch([model]);
        const answer = writeInferenceAnswer(predictions, model, asked);
        return c.body(answer.body, 200, {
          "content-type": answer.jsonBytes ? "application/octet-stream" : "application/json",
          ...(answer.jsonBytes && { [JSON_LENGTH]: String(answer.jsonBytes) }),
        });
      } finally {
        leased?.release();
      }
    });
  }
  return app;
};

/** Whether a path belongs to the protocol, whose errors have a form of their own. */
export const isProtocolPath = (path: string): boolean => path === "/v2" || path.startsWith("/v2/");

/** The protocol's form of every failed request. */
export const protocolErrorBody = (problem: ProblemError): string =>
  JSON.stringify({ error: problem.message } satisfies z.infer<typeof protocolErrorSchema>);
