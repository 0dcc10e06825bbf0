import { z } from "zod";
import {
  createDocument,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathsObject,
} from "zod-openapi";
import { IMAGE_TYPES } from "../../model/image-type.ts";
import {
  batchAnswerSchema,
  healthAnswerSchema,
  indexAnswerSchema,
  jobAnswerSchema,
  predictAnswerSchema,
  probeAnswerSchema,
  problemSchema,
} from "../answer-schemas.ts";
import {
  inferenceAnswerSchema,
  inferenceRequestSchema,
  modelMetadataAnswerSchema,
  protocolErrorSchema,
  repositoryDoneSchema,
  repositoryIndexRequestSchema,
  repositoryIndexSchema,
  repositoryLoadRequestSchema,
  repositoryUnloadRequestSchema,
  serverMetadataSchema,
} from "../inference-protocol/schemas.ts";
import { PROBLEM_TYPE } from "../problem.ts";
import { processAnswerSchema } from "../process/answer-schema.ts";
import { isProtocolPath } from "../routes/inference-protocol.ts";
import { processQuerySchema } from "../routes/process.ts";
import { STORED_TYPES } from "../storage/storage.ts";
import { SECURITY_SCHEMES, withAccess } from "./access.ts";

type Operation = ZodOpenApiOperationObject;
type Responses = Operation["responses"];

/** What a status means, in a failed request's answer. */
const MEANING = {
  400: "The request is malformed, or does not fit the model.",
  401: "There is no key, or it is not known.",
  403: "The key may not do this, or the link has expired.",
  404: "There is no such thing.",
  408: "The body did not arrive in time.",
  409: "The models that are loaded, or in the store, do not allow it.",
  413: "The body is too large.",
  415: "The body is neither JPEG, PNG nor WebP, or it is compressed.",
  422: "The image cannot be decoded.",
  429: "The service is full, or you ask too often; Retry-After says when to come back.",
  500: "The service failed.",
  501: "The model that serves cannot do it.",
  503: "The service is starting or draining.",
  504: "There was no answer in time.",
} as const;

const json = (description: string, schema: z.ZodType) => ({
  description,
  content: { "application/json": { schema } },
});
const text = (description: string, type: string) => ({
  description,
  content: { [type]: { schema: z.string() } },
});

const problems = (...statuses: (keyof typeof MEANING)[]): Responses =>
  Object.fromEntries(
    statuses.map((status) => [
      status,
      { description: MEANING[status], content: { [PROBLEM_TYPE]: { schema: problemSchema } } },
    ]),
  );
const protocolErrors = (...statuses: (keyof typeof MEANING)[]): Responses =>
  Object.fromEntries(
    statuses.map((status) => [status, json(MEANING[status], protocolErrorSchema)]),
  );

const binary = { type: "string", format: "binary" } as const;
const upload = (part: string): NonNullable<Operation["requestBody"]> => ({
  required: true,
  content: {
    "multipart/form-data": {
      schema: { type: "object", properties: { [part]: binary }, required: [part] },
    },
    ...Object.fromEntries(
      [...IMAGE_TYPES, "application/octet-stream"].map((type) => [type, { schema: binary }]),
    ),
  },
});

const batch: Operation["requestBody"] = {
  required: true,
  content: {
    "multipart/form-data": {
      schema: {
        type: "object",
        properties: { files: { type: "array", items: binary, minItems: 1, maxItems: 50 } },
        required: ["files"],
      },
    },
  },
};

const jobParams = {
  path: z.object({ id: z.string().meta({ example: "3f0c6a52-7b1f-4c7e-9d1a-0c5b8f2f3a11" }) }),
};

const jsonLength = z
  .string()
  .regex(/^\d{1,10}$/)
  .meta({
    description: "Length of the JSON, where bytes of a tensor follow it; 0 when there is no JSON.",
  });

const requestTimeout = z
  .string()
  .regex(/^\d{1,6}(\.\d{1,6})?$/)
  .meta({ description: "Seconds that the client waits for the answer.", example: "1.5" });

const probe = (summary: string): Operation => ({
  summary,
  responses: {
    200: json("Yes.", probeAnswerSchema),
    503: json("Not now.", probeAnswerSchema),
  },
});

/** The routes of one model, without and with its version in the path. */
const modelPaths = (path: string, params: z.ZodObject) => {
  const named = (operation: Operation): Operation => ({
    ...operation,
    tags: ["Open Inference Protocol"],
    requestParams: { path: params, ...operation.requestParams },
  });
  return {
    [path]: {
      get: named({
        summary: "The model's tensors",
        responses: {
          200: json("The model.", modelMetadataAnswerSchema),
          ...protocolErrors(404, 503),
        },
      }),
    },
    [`${path}/ready`]: {
      get: named({
        summary: "Whether the model answers",
        responses: { 200: { description: "It does." }, ...protocolErrors(404, 503) },
      }),
    },
    [`${path}/infer`]: {
      post: named({
        summary: "Scores of a batch of preprocessed photos",
        requestParams: {
          header: z.object({
            "inference-header-content-length": jsonLength.optional(),
            "request-timeout": requestTimeout.optional(),
          }),
        },
        requestBody: {
          required: true,
          content: {
            "application/json": { schema: inferenceRequestSchema },
            "application/octet-stream": { schema: binary },
          },
        },
        responses: {
          200: {
            description: "The scores: as JSON, or as bytes behind JSON.",
            content: {
              "application/json": { schema: inferenceAnswerSchema },
              "application/octet-stream": { schema: binary },
            },
          },
          ...protocolErrors(400, 404, 408, 413, 415, 429, 500, 503, 504),
        },
      }),
    },
  };
};

const name = z.string().meta({ example: "cats-dogs" });

/** Adds to the guarded operations that a key may be asked for, and that a client may ask too often. */
const guarded = (paths: ZodOpenApiPathsObject): ZodOpenApiPathsObject =>
  withAccess(paths, (path) => (isProtocolPath(path) ? protocolErrors : problems)(401, 403, 429));

/** A call of the model-repository extension. @param statuses of its own failures */
const repositoryCall = (
  summary: string,
  request: z.ZodType,
  answer: z.ZodType,
  ...statuses: (keyof typeof MEANING)[]
): Operation => ({
  summary,
  tags: ["Open Inference Protocol"],
  requestBody: { content: { "application/json": { schema: request } } },
  responses: {
    200: json("Done.", answer),
    ...protocolErrors(400, 408, 413, 500, ...statuses),
  },
});

/** The OpenAPI 3.1 document of all routes. @param version the service's */
export const createOpenApiDocument = (version: string): ReturnType<typeof createDocument> =>
  createDocument({
    openapi: "3.1.0",
    info: {
      title: "Image classification",
      version,
      description:
        "Answers what is in a photo. Every answer has x-request-id, which is in the log.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    components: { securitySchemes: SECURITY_SCHEMES },
    paths: guarded({
      "/": {
        get: {
          summary: "The routes, or the page for those who accept HTML",
          responses: {
            200: {
              description: "Them, or it.",
              content: {
                "application/json": { schema: indexAnswerSchema },
                "text/html": { schema: z.string() },
              },
            },
          },
        },
      },
      "/predict": {
        post: {
          summary: "Label and probabilities of a photo",
          requestParams: {
            header: z.object({ "request-timeout": requestTimeout.optional() }),
            query: z.object({
              explain: z.enum(["0", "1"]).optional().meta({
                description: "1: the answer says where in the photo it comes from, too.",
              }),
            }),
          },
          requestBody: upload("image"),
          responses: {
            200: json("The prediction.", predictAnswerSchema),
            ...problems(400, 408, 409, 413, 415, 422, 429, 500, 503, 504),
          },
        },
      },
      "/process": {
        post: {
          summary: "Foreground, quality and tags of a product's photo",
          requestParams: {
            query: processQuerySchema,
            header: z.object({ "request-timeout": requestTimeout.optional() }),
          },
          requestBody: upload("file"),
          responses: {
            200: {
              description: "What was found; or the picture, for those who accept image/png.",
              content: {
                "application/json": { schema: processAnswerSchema },
                "image/png": { schema: binary },
              },
            },
            ...problems(400, 408, 413, 415, 422, 429, 500, 501, 503, 504),
          },
        },
      },
      "/batch": {
        post: {
          summary: "A job that predicts many photos when the service has nothing better to do",
          requestBody: batch,
          responses: {
            202: {
              ...json("The job was taken.", batchAnswerSchema),
              headers: z.object({ location: z.string().meta({ description: "The job's path." }) }),
            },
            ...problems(400, 408, 413, 415, 429, 500, 503),
          },
        },
      },
      "/jobs/{id}": {
        get: {
          summary: "A job's state, results and errors",
          requestParams: jobParams,
          responses: { 200: json("The job.", jobAnswerSchema), ...problems(404, 503) },
        },
        delete: {
          summary: "End a job and forget it",
          requestParams: jobParams,
          responses: { 204: { description: "It is forgotten." }, ...problems(404, 503) },
        },
      },
      "/jobs/{id}/events": {
        get: {
          summary: "A job's progress as server-sent events, until it ends",
          requestParams: jobParams,
          responses: {
            200: text(
              "Events `progress`, and last `completed`, `failed` or `deleted`; their data is a JobProgress.",
              "text/event-stream",
            ),
            ...problems(404, 429, 503),
          },
        },
      },
      "/health": {
        get: {
          summary: "What is served, and what serves it",
          responses: {
            200: json("Requests are welcome.", healthAnswerSchema),
            503: json("Not now.", healthAnswerSchema),
          },
        },
      },
      "/livez": {
        get: { summary: "Whether it lives", responses: { 200: json("Yes.", probeAnswerSchema) } },
      },
      "/readyz": { get: probe("Whether requests are welcome") },
      "/metrics": {
        get: { summary: "Metrics", responses: { 200: text("Prometheus' format.", "text/plain") } },
      },
      "/status": {
        get: { summary: "The dashboards", responses: { 200: text("A page.", "text/html") } },
      },
      "/page/{script}": {
        get: {
          summary: "A script of the page at /",
          requestParams: { path: z.object({ script: z.string().meta({ example: "main.js" }) }) },
          responses: { 200: text("The script.", "text/javascript"), ...problems(404) },
        },
      },
      "/outputs/{key}": {
        get: {
          summary: "An output that was kept, by its signed link",
          requestParams: {
            path: z.object({ key: z.string().meta({ example: "3f0c.png" }) }),
            query: z.object({ expires: z.string().optional(), signature: z.string().optional() }),
          },
          responses: {
            200: {
              description: "The output.",
              content: Object.fromEntries(STORED_TYPES.map((type) => [type, { schema: binary }])),
            },
            ...problems(403, 404),
          },
        },
      },
      "/openapi.json": {
        get: {
          summary: "This document",
          responses: { 200: json("OpenAPI 3.1.", z.looseObject({ openapi: z.string() })) },
        },
      },
      "/docs": {
        get: {
          summary: "This document, to read",
          responses: { 200: text("A page.", "text/html") },
        },
      },
      "/v2": {
        get: {
          summary: "The server and its extensions",
          tags: ["Open Inference Protocol"],
          responses: { 200: json("The server.", serverMetadataSchema) },
        },
      },
      "/v2/health/live": {
        get: {
          summary: "Whether it lives",
          tags: ["Open Inference Protocol"],
          responses: { 200: { description: "Yes." } },
        },
      },
      "/v2/health/ready": {
        get: {
          summary: "Whether requests are welcome",
          tags: ["Open Inference Protocol"],
          responses: { 200: { description: "Yes." }, ...protocolErrors(503) },
        },
      },
      ...modelPaths("/v2/models/{name}", z.object({ name })),
      ...modelPaths(
        "/v2/models/{name}/versions/{version}",
        z.object({ name, version: z.string() }),
      ),
      "/v2/repository/index": {
        post: repositoryCall(
          "Every model of the store, and which of them answer",
          repositoryIndexRequestSchema,
          repositoryIndexSchema,
        ),
      },
      "/v2/repository/models/{name}/load": {
        post: {
          ...repositoryCall(
            "Loads a model of the store",
            repositoryLoadRequestSchema,
            repositoryDoneSchema,
            ...([404, 409, 503] as const),
          ),
          requestParams: { path: z.object({ name }) },
        },
      },
      "/v2/repository/models/{name}/unload": {
        post: {
          ...repositoryCall(
            "Releases a model",
            repositoryUnloadRequestSchema,
            repositoryDoneSchema,
            ...([404, 409] as const),
          ),
          requestParams: { path: z.object({ name }) },
        },
      },
    }),
  });
