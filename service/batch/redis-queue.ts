import { randomUUID } from "node:crypto";
import { type Job, Queue, WaitingError, Worker } from "bullmq";
import { Redis } from "ioredis";
import { askRedis } from "./ask-redis.ts";
import { type BatchQueue, queueFull } from "./batch-queue.ts";
import { createHeldPhotos } from "./held-photos.ts";
import type { Photo, Task } from "./job.ts";
import { createRedisAttempts, type RedisAttemptsOptions } from "./redis-attempts.ts";
import { loggedError } from "./redis-errors.ts";
import { createRedisJobs, KEY_PREFIX } from "./redis-jobs.ts";

/** Jobs that a process computes at once: the next one begins while the last photos of one are computed. */
const ACTIVE_JOBS = 2;
const MAX_BACKOFF_MS = 60_000;
/** A client waits for the answer to a command for so long, when Redis hangs. */
const COMMAND_TIMEOUT_MS = 5000;
/** A scrape waits for less: it has all the other metrics, and is given up after 10 s by default. */
const COUNTS_TIMEOUT_MS = 2000;

export type RedisQueueOptions = Omit<RedisAttemptsOptions, "jobs"> & {
  /** `redis://…` */
  readonly url: string;
  /** Jobs that have not ended, of all replicas. */
  readonly maxJobs: number;
  /** Wait before the second attempt, which doubles with each further one; milliseconds. */
  readonly backoffMs: number;
  /** Time after which another process goes on with the jobs of one that has died. */
  readonly leaseSeconds: number;
  readonly retentionSeconds: number;
  /** Bytes of photos that this process may hold until it computes them. */
  readonly heldBytes: number;
};

type BatchJob = Job<Record<string, never>, void>;

/**
 * A queue in Redis, by BullMQ: jobs outlive this process, and each replica computes what is next. BullMQ delivers at
 * least once; what is recorded once stays, so a job that is begun again, or computed twice, has the same results.
 */
export const createRedisQueue = (options: RedisQueueOptions): BatchQueue => {
  const { url, maxJobs, leaseSeconds } = options;
  const log = options.log.child({}, { serializers: { err: loggedError } });
  let complaint = "";
  const complain = (error: Error): void => {
    if (error.message === complaint) return;
    complaint = error.message;
    log.warn({ err: error }, "the queue of batches is away, or has a fault");
  };
  const watch = (redis: Redis): Redis => {
    redis.on("error", complain);
    redis.on("ready", () => {
      complaint = "";
    });
    return redis;
  };
  // Whoever asks over HTTP is told at once; who computes waits until Redis is back.
  const asking = watch(
    new Redis(url, {
      ...{ enableOfflineQueue: false, maxRetriesPerRequest: 1 },
      commandTimeout: COMMAND_TIMEOUT_MS,
    }),
  );
  const computing = watch(new Redis(url, { maxRetriesPerRequest: null }));
  const asked = createRedisJobs(asking, options.retentionSeconds);
  const jobs = createRedisJobs(computing, options.retentionSeconds);
  const queue = new Queue("batches", {
    // It asks for Redis' version once, and is of no use for ever if nobody answers: it has to wait.
    connection: computing,
    prefix: KEY_PREFIX,
    defaultJobOptions: {
      // Photos have a number of attempts, not jobs: one that BullMQ gave up would be lost.
      attempts: Number.MAX_SAFE_INTEGER,
      backoff: { type: "custom" },
      removeOnComplete: true,
      removeOnFail: true,
    },
  });
  queue.on("error", complain);

  const held = createHeldPhotos(options.heldBytes);
  const attempts = createRedisAttempts({ ...options, jobs, log });
  const compute = async (job: BatchJob, token?: string): Promise<void> => {
    const { id = "", attemptsStarted, attemptsMade: failures } = job;
    const again = attemptsStarted > 1;
    const run = attempts.run({ id, again, failures, held: held.get(id) });
    if ((await run.finally(() => held.drop(id))) === "ended") return;
    // Handed back: another replica takes it at once, and does not wait for the lease to end.
    await job.moveToWait(token);
    throw new WaitingError();
  };
  const worker = new Worker("batches", compute, {
    connection: computing,
    prefix: KEY_PREFIX,
    concurrency: ACTIVE_JOBS,
    lockDuration: leaseSeconds * 1000,
    stalledInterval: leaseSeconds * 500,
    // A job of many photos may well outlive several processes.
    maxStalledCount: Number.MAX_SAFE_INTEGER,
    settings: {
      backoffStrategy: (attemptsMade) =>
        Math.min(MAX_BACKOFF_MS, options.backoffMs * 2 ** (attemptsMade - 1)) *
        (0.5 + Math.random() / 2),
    },
  });
  worker.on("error", complain);

  const ask = <T>(question: (over: AbortSignal) => Promise<T>): Promise<T> =>
    askRedis(asking, COMMAND_TIMEOUT_MS, question);
  const counts = async () => {
    const {
      waiting = 0,
      active = 0,
      delayed = 0,
    } = await queue.getJobCounts(...(["waiting", "active", "delayed"] as const));
    return { waiting: waiting + delayed, active };
  };
  const hasRoom = async (): Promise<boolean> => {
    const { waiting, active } = await counts();
    return waiting + active < maxJobs;
  };
  /** @param refused tells that the sender was told meanwhile that the job was not taken: it must not go on */
  const take = async (
    id: string,
    photos: readonly Photo[],
    task: Task,
    refused: AbortSignal,
  ): Promise<void> => {
    if (!(await hasRoom())) throw queueFull();
    refused.throwIfAborted();
    await asked.add(id, photos, task);
    refused.throwIfAborted();
    held.hold(id, photos);
    await queue.add("batch", {}, { jobId: id });
    refused.throwIfAborted();
    await asked.confirm(id);
  };
  /**
   * Forgets what was sent of a job that was not taken. First on the connection that adds it, so that it comes behind
   * that; where there is none, on the one that waits for Redis.
   */
  const forget = (id: string): Promise<unknown> =>
    asked
      .remove(id)
      .catch(() => jobs.remove(id))
      .catch(() => undefined);

  return {
    durable: true,
    hasRoom: () => ask(hasRoom),
    submit: async (photos, task, release) => {
      const id = randomUUID();
      try {
        await ask((over) => take(id, photos, task, over));
      } catch (error) {
        held.drop(id);
        // Perhaps it was taken and only the answer is lost: nobody knows its id.
        void forget(id);
        throw error;
      } finally {
        release();
      }
      return id;
    },
    find: (id) => ask(() => asked.find(id)),
    progressOf: (id) => ask(() => asked.progressOf(id)),
    remove: (id) =>
      ask(async () => {
        const removed = await asked.remove(id);
        attempts.cancel(id);
        held.drop(id);
        // Where another replica has it, that one sees that it is gone.
        await queue.remove(id);
        return removed;
      }),
    counts: () => askRedis(asking, COUNTS_TIMEOUT_MS, counts),
    stop: async () => {
      attempts.stop();
      await worker.close();
      await queue.close();
      computing.disconnect();
      asking.disconnect();
    },
  };
};
