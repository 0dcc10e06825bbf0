import { setTimeout as wait } from "node:timers/promises";
import type { SSEStreamingApi } from "hono/streaming";
import type { z } from "zod";
import type { BatchQueue } from "./batch-queue.ts";
import type { JobProgress } from "./job.ts";
import type { jobProgressSchema } from "./job-schemas.ts";

/** How often a job is looked at. Progress comes in steps of several photos; a person reads no faster. */
const LOOK_MS = 250;
/** Proxies end what is silent for longer. */
const LOOKS_BETWEEN_SIGNS_OF_LIFE = 60;

export type FollowOptions = {
  readonly queue: Pick<BatchQueue, "progressOf">;
  readonly id: string;
  /** Whether the service still serves: a stream would hold up its end. */
  readonly serving: () => boolean;
};

/**
 * Sends a `progress` event when the job changes, and last of all one that is called as the job's end: `completed`,
 * `failed`, or `deleted`. A client that comes back gets the present state first, so it has missed nothing.
 */
export const followJob = async (
  stream: SSEStreamingApi,
  { queue, id, serving }: FollowOptions,
): Promise<void> => {
  let sent = "";
  for (let look = 1; !stream.aborted && serving(); look += 1) {
    let progress: JobProgress | undefined;
    try {
      progress = await queue.progressOf(id);
    } catch {
      // The queue is away for the moment; the stream need not be.
      await wait(LOOK_MS);
      continue;
    }
    if (!progress) {
      await stream.writeSSE({ event: "deleted", data: "{}" });
      return;
    }
    const data = JSON.stringify(progress satisfies z.infer<typeof jobProgressSchema>);
    const { status } = progress;
    if (status === "completed" || status === "failed") {
      await stream.writeSSE({ event: status, data });
      return;
    }
    if (data !== sent) await stream.writeSSE({ event: "progress", data });
    else if (look % LOOKS_BETWEEN_SIGNS_OF_LIFE === 0) await stream.write(":\n\n");
    sent = data;
    await wait(LOOK_MS);
  }
};
