import { z } from "zod";
import type { ZodOpenApiOperationObject } from "zod-openapi";
import { IMAGE_TYPES } from "../../model/image-type.ts";
import { problemSchema } from "../answer-schemas.ts";
import { protocolErrorSchema } from "../inference-protocol/schemas.ts";
import { PROBLEM_TYPE } from "../problem.ts";

/** What is said of one method of one path. */
export type Operation = ZodOpenApiOperationObject;
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

/** A status of a failed request. */
export type FailureStatus = keyof typeof MEANING;

/** An answer in JSON. */
export const json = (description: string, schema: z.ZodType) => ({
  description,
  content: { "application/json": { schema } },
});
/** An answer in another type of text. */
export const text = (description: string, type: string) => ({
  description,
  content: { [type]: { schema: z.string() } },
});

/** Failures as RFC 9457 describes them. */
export const problems = (...statuses: FailureStatus[]): Responses =>
  Object.fromEntries(
    statuses.map((status) => [
      status,
      { description: MEANING[status], content: { [PROBLEM_TYPE]: { schema: problemSchema } } },
    ]),
  );

/** Failures as the Open Inference Protocol describes them. */
export const protocolErrors = (...statuses: FailureStatus[]): Responses =>
  Object.fromEntries(
    statuses.map((status) => [status, json(MEANING[status], protocolErrorSchema)]),
  );

/** Bytes. */
export const binary = { type: "string", format: "binary" } as const;

/** The body of a request with one photo. @param part its name in a form */
export const upload = (part: string): NonNullable<Operation["requestBody"]> => ({
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

/** The header by which a client says for how long it waits. */
export const requestTimeout = z
  .string()
  .regex(/^\d{1,6}(\.\d{1,6})?$/)
  .meta({ description: "Seconds that the client waits for the answer.", example: "1.5" });
