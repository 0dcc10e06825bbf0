import type { z } from "zod";
import type { ImageErrorCode } from "../model/image-error.ts";
import type { problemSchema } from "./answer-schemas.ts";

/** Every way in which a request can fail, with its HTTP status. The code ends the problem's `type`. */
const STATUS = {
  "bad-request": 400,
  "malformed-multipart": 400,
  "missing-part": 400,
  "too-many-parts": 400,
  "wrong-field": 400,
  empty: 400,
  unauthorized: 401,
  forbidden: 403,
  "bad-signature": 403,
  "not-found": 404,
  "method-not-allowed": 405,
  "body-timeout": 408,
  "model-conflict": 409,
  "body-too-large": 413,
  "unsupported-type": 415,
  animated: 422,
  undecodable: 422,
  "too-many-pixels": 422,
  "decode-timeout": 422,
  "queue-full": 429,
  "rate-limited": 429,
  "headers-too-large": 431,
  /** Nobody reads this answer: the client hung up. The number is a convention of logs and metrics. */
  cancelled: 499,
  internal: 500,
  "worker-crashed": 500,
  /** The model that serves cannot do it. */
  "unsupported-model": 501,
  starting: 503,
  draining: 503,
  "queue-unavailable": 503,
  deadline: 504,
} as const satisfies Record<ImageErrorCode, number> & Record<string, number>;

export type ProblemCode = keyof typeof STATUS;

/** The `type` of a problem. */
export const problemType = (code: string): string => `urn:image-classification:problem:${code}`;

const TITLES: Record<(typeof STATUS)[ProblemCode], string> = {
  400: "Bad request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not found",
  405: "Method not allowed",
  408: "Request timeout",
  409: "Conflict",
  413: "Content too large",
  415: "Unsupported media type",
  422: "Unprocessable image",
  429: "Too many requests",
  431: "Request header fields too large",
  499: "Client closed request",
  500: "Internal server error",
  501: "Not implemented",
  503: "Service unavailable",
  504: "Deadline exceeded",
};

/** A failed request. The message is the problem's `detail`: one line, safe to show, that says what to do. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";
  readonly code: ProblemCode;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: ProblemCode,
    detail: string,
    options: ErrorOptions & { readonly headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(detail, options);
    this.code = code;
    this.headers = options.headers ?? {};
  }

  get status(): (typeof STATUS)[ProblemCode] {
    return STATUS[this.code];
  }
}

/** Media type of every error answer (RFC 9457). */
export const PROBLEM_TYPE = "application/problem+json";

/** The JSON of a problem (RFC 9457), with the path as `instance` and the request's id to look it up in the logs. */
export const problemBody = (
  problem: ProblemError,
  request: {
    readonly path: string;
    readonly requestId: string;
    readonly traceId?: string | undefined;
  },
): string =>
  JSON.stringify({
    type: problemType(problem.code),
    title: TITLES[problem.status],
    status: problem.status,
    detail: problem.message,
    instance: request.path,
    requestId: request.requestId,
    ...(request.traceId !== undefined && { traceId: request.traceId }),
  } satisfies z.input<typeof problemSchema>);
