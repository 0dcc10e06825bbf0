import type { Logger } from "pino";
import type { Settings } from "../settings.ts";
import type { BatchQueue } from "./batch-queue.ts";
import { createMemoryQueue } from "./memory-queue.ts";
import type { PhotoWork } from "./photo-work.ts";

/** Photos for each worker that the pool has at once: as many as a worker holds, and one on its way. */
const PHOTOS_A_WORKER = 4;
const BACKOFF_MS = 500;

export type OpenQueueOptions = {
  readonly settings: Settings;
  readonly work: PhotoWork;
  /** Digest of the model that serves. */
  readonly servedModel: () => string | undefined;
  readonly log: Logger;
};

/** Opens the queue that the settings name: in Redis, or in this process's memory. */
export const openQueue = async (options: OpenQueueOptions): Promise<BatchQueue> => {
  const { settings, work, servedModel, log } = options;
  const common = {
    work,
    photosAtOnce: PHOTOS_A_WORKER * settings.WORKERS,
    maxJobs: settings.BATCH_MAX_JOBS,
    attempts: settings.BATCH_ATTEMPTS,
    backoffMs: BACKOFF_MS,
    retentionSeconds: settings.BATCH_RETENTION,
    log,
  };
  const { REDIS_URL: url, BATCH_LEASE: leaseSeconds } = settings;
  if (url === undefined) return createMemoryQueue(common);
  // Not a static import: who has no Redis does not pay for its clients.
  const { createRedisQueue } = await import("./redis-queue.ts");
  const heldBytes = settings.BATCH_MAX_BYTES;
  return createRedisQueue({ ...common, url, leaseSeconds, servedModel, heldBytes });
};
