import { setTimeout as wait } from "node:timers/promises";
import type { Redis } from "ioredis";
import { ProblemError } from "../problem.ts";
import { queueFull } from "./batch-queue.ts";
import { isFull, unavailable } from "./redis-errors.ts";

/**
 * Has a question to Redis answered at once or not at all: a client waits for it.
 *
 * @param question gets a signal that nobody waits for its answer any more: Redis may go on with it long afterwards
 * @throws ProblemError `queue-full`, `queue-unavailable`, or the question's own
 */
export const askRedis = async <T>(
  redis: Pick<Redis, "status">,
  milliseconds: number,
  question: (over: AbortSignal) => Promise<T>,
): Promise<T> => {
  const over = new AbortController();
  try {
    if (redis.status !== "ready") throw new Error("there is no connection");
    const timeout = wait(milliseconds, undefined, { ref: false, signal: over.signal }).then(() => {
      throw new Error("there is no answer");
    });
    timeout.catch(() => undefined);
    return await Promise.race([question(over.signal), timeout]);
  } catch (error) {
    if (error instanceof ProblemError) throw error;
    throw isFull(error) ? queueFull() : unavailable(error);
  } finally {
    over.abort();
  }
};
