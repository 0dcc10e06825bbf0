import { z } from "zod";
import type { ZodOpenApiPathsObject } from "zod-openapi";
import {
  inferenceAnswerSchema,
  inferenceRequestSchema,
  modelMetadataAnswerSchema,
  modelReadySchema,
  repositoryDoneSchema,
  repositoryIndexRequestSchema,
  repositoryIndexSchema,
  repositoryLoadRequestSchema,
  repositoryUnloadRequestSchema,
  serverLiveSchema,
  serverMetadataSchema,
  serverReadySchema,
} from "../inference-protocol/schemas.ts";
import {
  binary,
  type FailureStatus,
  json,
  type Operation,
  protocolErrors,
  requestTimeout,
} from "./parts.ts";

const jsonLength = z
  .string()
  .regex(/^\d{1,10}$/)
  .meta({
    description: "Length of the JSON, where bytes of a tensor follow it; 0 when there is no JSON.",
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
        responses: { 200: json("It does.", modelReadySchema), ...protocolErrors(404, 503) },
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

/** A call of the model-repository extension. @param statuses of its own failures */
const repositoryCall = (
  summary: string,
  request: z.ZodType,
  answer: z.ZodType,
  ...statuses: FailureStatus[]
): Operation => ({
  summary,
  tags: ["Open Inference Protocol"],
  requestBody: { content: { "application/json": { schema: request } } },
  responses: {
    200: json("Done.", answer),
    ...protocolErrors(400, 408, 413, 500, ...statuses),
  },
});

/** The Open Inference Protocol and its extension for model repositories. */
export const inferenceProtocolPaths: ZodOpenApiPathsObject = {
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
      responses: { 200: json("Yes.", serverLiveSchema) },
    },
  },
  "/v2/health/ready": {
    get: {
      summary: "Whether requests are welcome",
      tags: ["Open Inference Protocol"],
      responses: { 200: json("Yes.", serverReadySchema), ...protocolErrors(503) },
    },
  },
  ...modelPaths("/v2/models/{name}", z.object({ name })),
  ...modelPaths("/v2/models/{name}/versions/{version}", z.object({ name, version: z.string() })),
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
};
