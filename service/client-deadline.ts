import type { IncomingHttpHeaders } from "node:http";
import { ProblemError } from "./problem.ts";

/** Header by which a client says how long it waits, in seconds, such as `0.25`. */
const REQUEST_TIMEOUT = "request-timeout";

/**
 * The client's own time is over. It is answered as the service's deadline is, but the service did not fail: it counts as given up
 * by the client.
 */
export class ClientDeadlineError extends ProblemError {
  constructor(detail: string, options?: ConstructorParameters<typeof ProblemError>[2]) {
    super("deadline", detail, options);
  }
}

/**
 * How long the client of a request waits for its answer, from the request's first byte on, in seconds; undefined when
 * it does not say. The service's own limits hold as well, so a client can only make its time shorter.
 *
 * @throws ProblemError `bad-request`, and ClientDeadlineError where no time is left to begin with
 */
export const clientDeadline = (headers: IncomingHttpHeaders): number | undefined => {
  const declared = headers[REQUEST_TIMEOUT];
  if (declared === undefined) return undefined;
  if (typeof declared !== "string" || !/^\d{1,6}(\.\d{1,6})?$/.test(declared)) {
    throw new ProblemError(
      "bad-request",
      "Request-Timeout is no number of seconds; send one such as 0.5, or leave it out.",
    );
  }
  const seconds = Number(declared);
  if (seconds > 0) return seconds;
  throw new ClientDeadlineError("Request-Timeout is 0; leave time for an answer.");
};
