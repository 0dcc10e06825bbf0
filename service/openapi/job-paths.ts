import { z } from "zod";
import type { ZodOpenApiPathsObject } from "zod-openapi";
import { batchAnswerSchema, jobAnswerSchema } from "../batch/job-schemas.ts";
import { batchQuerySchema } from "../batch/read-task.ts";
import { binary, json, type Operation, problems, text } from "./parts.ts";

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

/** Batches of photos, and the jobs that they become. */
export const jobPaths: ZodOpenApiPathsObject = {
  "/batch": {
    post: {
      summary:
        "A job that predicts or processes many photos when the service has nothing better to do",
      requestParams: { query: batchQuerySchema },
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
          "Events `progress`, and last `completed` or `failed`: their data is a JobProgress. Or last `deleted`, whose data is {}.",
          "text/event-stream",
        ),
        ...problems(404, 429, 503),
      },
    },
  },
};
