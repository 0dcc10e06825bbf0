import { createHash, randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { Queue, type Job as QueuedJob, WaitingError, Worker } from "bullmq";
import { Redis } from "ioredis";
import pLimit from "p-limit";
import type { Logger } from "pino";
import { ProblemError } from "../problem.ts";
import { type BatchQueue, queueFull } from "./batch-queue.ts";
import type { Outcome, Photo } from "./job.ts";
import type { PhotoPrediction } from "./predict-photo.ts";
import { isFull, loggedError, unavailable } from "./redis-errors.ts";
import { type Computed, createRedisJobs, KEY_PREFIX } from "./redis-jobs.ts";

/** Jobs that a process computes at once: the next one begins while the last photos of one are computed. */
const ACTIVE_JOBS = 2;
const MAX_BACKOFF_MS = 60_000;
/** A client waits for the answer to a command for so long, when Redis hangs. */
const COMMAND_TIMEOUT_MS = 5000;
/** A scrape waits for less: it has all the other metrics, and is given up after 10 s by default. */
const COUNTS_TIMEOUT_MS = 2000;
/**
 * Times that a photo is begun, for each attempt that it has: processes die of other things, too. One that dies of this
 * photo must not do so for ever.
 */
const BEGINNINGS_AN_ATTEMPT = 2;

export type RedisQueueOptions = {
  /** `redis://…` */
  readonly url: string;
  readonly prediction: PhotoPrediction;
  /** Digest of the model that serves. */
  readonly servedModel: () => string | undefined;
  /** Photos that are given to the pool at once. */
  readonly photosAtOnce: number;
  /** Jobs that have not ended, of all replicas. */
  readonly maxJobs: number;
  /** Attempts at a photo that fails for another reason than itself. */
  readonly attempts: number;
  /** Wait before the second attempt, which doubles with each further one; milliseconds. */
  readonly backoffMs: number;
  /** Time after which another process goes on with the jobs of one that has died. */
  readonly leaseSeconds: number;
  readonly retentionSeconds: number;
  readonly log: Logger;
};

/** An outcome, and by what it is known to other jobs, too. */
type Result = { readonly outcome: Outcome; readonly computed?: Computed };

type BatchJob = QueuedJob<Record<string, never>, void>;

const expired: Outcome = {
  status: "failed",
  error: {
    code: "internal",
    detail: "The photo waited for too long; send it again.",
    givenUp: true,
  },
};

/**
 * A queue in Redis, by BullMQ: jobs outlive this process, and each replica computes what is next. BullMQ delivers at
 * least once; what is recorded once stays, so a job that is begun again, or computed twice, has the same results.
 */
export const createRedisQueue = (options: RedisQueueOptions): BatchQueue => {
  const { url, prediction, servedModel, maxJobs, attempts, leaseSeconds } = options;
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

  const beginnings = attempts * BEGINNINGS_AN_ATTEMPT;
  const photoLimit = pLimit(options.photosAtOnce);
  const running = new Map<string, AbortController>();
  let stopping = false;

  const compute = async (bytes: Buffer, signal: AbortSignal): Promise<Result> => {
    const content = createHash("sha256").update(bytes).digest("hex");
    const model = servedModel();
    const known = model && (await jobs.knownOutcome({ content, model }));
    if (known) return { outcome: known };
    const outcome = await prediction.predict(bytes, signal);
    // Which model refused a bad photo is not known, and the next one would refuse it as well.
    const digest = outcome.status === "completed" ? outcome.model.digest : model;
    return { outcome, ...(digest && { computed: { content, model: digest } }) };
  };

  /** One attempt at each photo without an outcome. @throws what is worth another attempt */
  const attempt = async (job: BatchJob, token?: string): Promise<void> => {
    const { id = "" } = job;
    const photos = await jobs.begin(id);
    if (!photos) return;
    const cancel = new AbortController();
    running.set(id, cancel);
    let failure: unknown;

    const result = async (index: number): Promise<Result | undefined> => {
      if (stopping || cancel.signal.aborted) return undefined;
      const { bytes, begun } = await jobs.take(id, index, job.attemptsStarted > 1);
      try {
        if (begun > beginnings) throw new Error("processes died of it");
        return bytes ? await compute(bytes, cancel.signal) : { outcome: expired };
      } catch (error) {
        if (cancel.signal.aborted) return undefined;
        if (job.attemptsMade + 1 < attempts && begun < beginnings) {
          failure = error;
          return undefined;
        }
        log.error({ job: id, index, err: error }, "a photo of a batch was given up");
        return { outcome: prediction.giveUp(error) };
      }
    };
    const one = async (index: number): Promise<void> => {
      try {
        const done = await photoLimit(() => result(index));
        // Outside the limit: the workers need not wait until Redis has it on its disk.
        if (done && (await jobs.record({ id, index }, done.outcome, done.computed)) === "gone") {
          cancel.abort();
        }
      } catch (error) {
        // Redis refused something. The attempt goes on: while it does, there must be no other one at the same photos.
        failure = error;
      }
    };

    await Promise.all(photos.map(one));
    running.delete(id);
    if (cancel.signal.aborted) return;
    if (stopping && (await jobs.progressOf(id))?.status === "active") {
      // Handed back: another replica takes it at once, and does not wait for the lease to end.
      await job.moveToWait(token);
      throw new WaitingError();
    }
    if (failure !== undefined)
      throw failure instanceof Error ? failure : new Error(String(failure));
  };

  const worker = new Worker("batches", attempt, {
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

  /**
   * Has a question answered at once or not at all.
   *
   * @param question gets a signal that nobody waits for its answer any more: Redis may go on with it long afterwards
   * @throws ProblemError
   */
  const ask = async <T>(
    question: (over: AbortSignal) => Promise<T>,
    milliseconds = COMMAND_TIMEOUT_MS,
  ): Promise<T> => {
    const over = new AbortController();
    try {
      if (asking.status !== "ready") throw new Error("there is no connection");
      const timeout = wait(milliseconds, undefined, { ref: false, signal: over.signal }).then(
        () => {
          throw new Error("there is no answer");
        },
      );
      timeout.catch(() => undefined);
      return await Promise.race([question(over.signal), timeout]);
    } catch (error) {
      if (error instanceof ProblemError) throw error;
      throw isFull(error) ? queueFull() : unavailable(error);
    } finally {
      over.abort();
    }
  };
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
    refused: AbortSignal,
  ): Promise<void> => {
    if (!(await hasRoom())) throw queueFull();
    refused.throwIfAborted();
    await asked.add(id, photos);
    refused.throwIfAborted();
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
    submit: async (photos, release) => {
      const id = randomUUID();
      try {
        await ask((over) => take(id, photos, over));
      } catch (error) {
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
        running.get(id)?.abort(new Error("the job was deleted"));
        // Where another replica has it, that one sees that it is gone.
        await queue.remove(id);
        return removed;
      }),
    counts: () => ask(counts, COUNTS_TIMEOUT_MS),
    stop: async () => {
      stopping = true;
      await worker.close();
      await queue.close();
      computing.disconnect();
      asking.disconnect();
    },
  };
};
