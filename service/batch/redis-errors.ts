import { stdSerializers } from "pino";
import { ProblemError } from "../problem.ts";

/** Whether Redis has no memory left. Where commands were sent as one, each of them says so, and their end does not. */
export const isFull = (error: unknown): boolean => {
  if (!(error instanceof Error)) return false;
  if (error.message.startsWith("OOM ")) return true;
  return (
    "previousErrors" in error &&
    Array.isArray(error.previousErrors) &&
    error.previousErrors.some(isFull)
  );
};

/**
 * What a log has of an error: ioredis adds the command, and the one that signs in has the password. Message and stack
 * have those of the causes, too.
 */
export const loggedError = (error: unknown) => {
  if (!(error instanceof Error)) return error;
  const { type, message, stack } = stdSerializers.err(error);
  return { type, message, stack };
};

/** What Redis' absence answers. */
export const unavailable = (error: unknown): ProblemError =>
  new ProblemError("queue-unavailable", "The queue of batches is away; try again soon.", {
    cause: error,
    headers: { "retry-after": "2" },
  });
