import { stdSerializers } from "pino";
import { ProblemError } from "../problem.ts";

const saysFull = (error: unknown): boolean =>
  error instanceof Error && error.message.startsWith("OOM ");

/**
 * Whether Redis has no memory left. Where commands were sent as one, each of them says so, and their end does not. Only those
 * are looked at, and not what belongs to them: when the connection ends, all have one and the same error, which lists itself.
 */
export const isFull = (error: unknown): boolean => {
  const previous =
    error instanceof Error && "previousErrors" in error ? error.previousErrors : undefined;
  return saysFull(error) || (Array.isArray(previous) && previous.some(saysFull));
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
