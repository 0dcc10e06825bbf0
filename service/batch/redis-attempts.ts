import pLimit from "p-limit";
import type { Logger } from "pino";
import type { Outcome, Photo } from "./job.ts";
import { outputName } from "./output-name.ts";
import type { PhotoWork, WorkItem } from "./photo-work.ts";
import type { BegunJob, JobPhoto, JobResult, RedisJobs, Taken } from "./redis-jobs.ts";

/** Photos that are fetched and recorded together: each question costs some of the two cores, and what is recorded waits for the disk. */
const PHOTOS_A_GROUP = 8;
/**
 * Times that a photo is begun, for each attempt that it has: processes die of other things, too. One that dies of this
 * photo must not do so for ever.
 */
const BEGINNINGS_AN_ATTEMPT = 2;

export type RedisAttemptsOptions = {
  readonly jobs: Pick<RedisJobs, "begin" | "take" | "record" | "progressOf">;
  readonly work: PhotoWork;
  /** Digest of the model that serves. */
  readonly servedModel: () => string | undefined;
  /** Photos that the workers are given at once; one group more, so that it has some while the next ones are fetched. */
  readonly photosAtOnce: number;
  /** Attempts at a photo that fails for another reason than itself. */
  readonly attempts: number;
  readonly log: Logger;
};

/** A job as its queue knows it. */
type QueuedJob = {
  readonly id: string;
  /** Whether it was begun before, by whomever. */
  readonly again: boolean;
  /** Attempts that ended with a failure. */
  readonly failures: number;
  /** All its photos, where this process has them. */
  readonly held: readonly Photo[] | undefined;
};

/** Computes jobs that are in Redis. */
export type RedisAttempts = {
  /**
   * One attempt at each photo without an outcome.
   *
   * @returns `unfinished` when it was stopped before the job's end
   * @throws what is worth another attempt
   */
  run(job: QueuedJob): Promise<"ended" | "unfinished">;
  /** Ends the attempt at a job that was deleted. */
  cancel(id: string): void;
  /** Fetches no further photos. */
  stop(): void;
};

const EXPIRED: Outcome = {
  status: "failed",
  error: {
    code: "internal",
    detail: "The photo waited for too long; send it again.",
    givenUp: true,
  },
};

const GONE: Taken = { begun: 0, known: undefined, bytes: undefined };

const groupsOf = <T>(items: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, i) =>
    items.slice(i * size, (i + 1) * size),
  );

/** Computes jobs with this process's workers. First attempts share one limit of photos at once, repeated ones another. */
export const createRedisAttempts = (options: RedisAttemptsOptions): RedisAttempts => {
  const { jobs, work, servedModel, photosAtOnce, attempts, log } = options;
  const beginnings = attempts * BEGINNINGS_AN_ATTEMPT;
  const groupLimit = pLimit(1 + Math.ceil(photosAtOnce / PHOTOS_A_GROUP));
  const photoLimit = pLimit(photosAtOnce);
  const running = new Map<string, AbortController>();
  let stopping = false;

  const computed = async (
    { index, content }: JobPhoto,
    item: WorkItem,
    signal: AbortSignal,
  ): Promise<JobResult> => {
    const outcome = await work.compute(item, signal);
    // Which model refused a bad photo is not known, and the next one would refuse it as well.
    const model = outcome.status === "completed" ? outcome.model.digest : servedModel();
    return { index, outcome, ...(model && content && { computed: { content, model } }) };
  };

  /** @returns why the job is worth another attempt, if it is */
  const computeAll = async (
    { id, again, failures, held }: QueuedJob,
    { task, photos }: BegunJob,
    cancel: AbortController,
  ): Promise<unknown> => {
    let failure: unknown;
    const result = async (
      photo: JobPhoto,
      { begun, known, ...taken }: Taken = GONE,
    ): Promise<JobResult | undefined> => {
      const { index } = photo;
      if (known) return { index, outcome: known };
      const bytes = taken.bytes ?? held?.[index]?.bytes;
      try {
        if (begun > beginnings) throw new Error("processes died of it");
        if (!bytes) return { index, outcome: EXPIRED };
        const item = { task, bytes, outputName: outputName(id, index) };
        return await computed(photo, item, cancel.signal);
      } catch (error) {
        if (cancel.signal.aborted) return undefined;
        if (failures + 1 < attempts && begun < beginnings) {
          failure = error;
          return undefined;
        }
        log.error({ job: id, index, err: error }, "a photo of a batch was given up");
        return { index, outcome: work.giveUp(error) };
      }
    };
    const results = async (group: readonly JobPhoto[]): Promise<JobResult[]> => {
      if (stopping || cancel.signal.aborted) return [];
      const taken = await jobs.take(id, group, {
        ...{ model: servedModel(), count: again, bytes: held === undefined },
      });
      const all = group.map(async (photo, i) => result(photo, taken[i]));
      return (await Promise.all(all)).filter((one) => one !== undefined);
    };
    const compute = async (group: readonly JobPhoto[]): Promise<void> => {
      try {
        const done = await (again ? photoLimit : groupLimit)(() => results(group));
        // Outside the limit: the workers need not wait until Redis has it on its disk.
        if (!(await jobs.record(id, done))) cancel.abort();
      } catch (error) {
        // Redis refused something. The attempt goes on: while it does, there must be no other one at the same photos.
        failure = error;
      }
    };
    // Each photo for itself when it is begun again: one that processes die of must not have others given up with it.
    await Promise.all(groupsOf(photos, again ? 1 : PHOTOS_A_GROUP).map(compute));
    return failure;
  };

  return {
    run: async (job) => {
      const { id } = job;
      const begun = await jobs.begin(id);
      if (!begun) return "ended";
      const cancel = new AbortController();
      running.set(id, cancel);
      const failure = await computeAll(job, begun, cancel);
      running.delete(id);
      if (cancel.signal.aborted) return "ended";
      if (stopping && (await jobs.progressOf(id))?.status === "active") return "unfinished";
      if (failure === undefined) return "ended";
      throw failure instanceof Error ? failure : new Error(String(failure));
    },
    cancel: (id) => running.get(id)?.abort(new Error("the job was deleted")),
    stop: () => {
      stopping = true;
    },
  };
};
