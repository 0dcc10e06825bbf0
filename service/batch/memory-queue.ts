import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import pLimit from "p-limit";
import type { Logger } from "pino";
import { type BatchQueue, queueFull } from "./batch-queue.ts";
import type { Job, JobProgress, Outcome, Photo, Task } from "./job.ts";
import { outputName } from "./output-name.ts";
import type { PhotoWork } from "./photo-work.ts";
import { progressOf } from "./progress.ts";

/** Jobs that are computed at once: the next one begins while the last photos of one are computed. */
const ACTIVE_JOBS = 2;
/** Finished jobs that are kept at most, however young: their results are in this process's memory. */
const KEPT_JOBS = 1000;

export type MemoryQueueOptions = {
  readonly work: PhotoWork;
  /** Photos that are given to the workers at once. */
  readonly photosAtOnce: number;
  /** Jobs that have not ended. */
  readonly maxJobs: number;
  /** Attempts at a photo that fails for another reason than itself. */
  readonly attempts: number;
  /** Wait before the second attempt, which doubles with each further one; milliseconds. */
  readonly backoffMs: number;
  readonly retentionSeconds: number;
  readonly log: Logger;
};

type Entry = {
  readonly id: string;
  readonly task: Task;
  readonly created: number;
  readonly names: readonly string[];
  readonly outcomes: (Outcome | undefined)[];
  readonly cancel: AbortController;
  /** Undefined as soon as nobody needs them any more. */
  photos: readonly Photo[] | undefined;
  readonly release: () => void;
  begun: boolean;
  finished: number | undefined;
};

const progress = ({ outcomes, begun }: Entry): JobProgress => progressOf(outcomes, begun);

const toJob = (entry: Entry): Job => ({
  id: entry.id,
  task: entry.task,
  progress: progress(entry),
  created: entry.created,
  finished: entry.finished,
  items: entry.names.map((name, index) => ({ name, outcome: entry.outcomes[index] })),
});

const forgetPhotos = (entry: Entry): void => {
  entry.photos = undefined;
  entry.release();
};

/** A queue in this process's memory: jobs and results end with it. */
export const createMemoryQueue = (options: MemoryQueueOptions): BatchQueue => {
  const { work, photosAtOnce, maxJobs, attempts, backoffMs, retentionSeconds, log } = options;
  const entries = new Map<string, Entry>();
  const jobLimit = pLimit(ACTIVE_JOBS);
  const photoLimit = pLimit(photosAtOnce);
  const stopping = new AbortController();
  const running = new Set<Promise<void>>();

  const all = (): Entry[] => [...entries.values()];
  const unfinished = (): Entry[] => all().filter(({ finished }) => finished === undefined);
  const hasRoom = (): boolean => unfinished().length < maxJobs && !stopping.signal.aborted;
  const isOver = ({ cancel }: Entry): boolean => cancel.signal.aborted || stopping.signal.aborted;

  /** One attempt at each photo without an outcome. @returns whether another one is worth it */
  const attempt = async (entry: Entry, last: boolean): Promise<boolean> => {
    const one = async ({ bytes }: Photo, index: number): Promise<void> => {
      if (entry.outcomes[index] || isOver(entry)) return;
      try {
        const item = { task: entry.task, bytes, outputName: outputName(entry.id, index) };
        entry.outcomes[index] = await work.compute(item, entry.cancel.signal);
      } catch (error) {
        if (!last || isOver(entry)) return;
        entry.outcomes[index] = work.giveUp(error);
        log.error({ job: entry.id, index, err: error }, "a photo of a batch was given up");
      }
    };
    const photos = entry.photos ?? [];
    await Promise.all(photos.map((photo, index) => photoLimit(() => one(photo, index))));
    return entry.outcomes.includes(undefined) && !isOver(entry);
  };

  const run = async (entry: Entry): Promise<void> => {
    if (isOver(entry)) return;
    entry.begun = true;
    const signal = AbortSignal.any([entry.cancel.signal, stopping.signal]);
    for (let number = 1; await attempt(entry, number === attempts); number += 1) {
      await wait(backoffMs * 2 ** (number - 1), undefined, { signal }).catch(() => undefined);
    }
    if (isOver(entry)) return;
    entry.finished = Date.now();
    forgetPhotos(entry);
    const finished = all().filter((other) => other.finished !== undefined);
    for (const { id } of finished.slice(0, -KEPT_JOBS)) entries.delete(id);
  };

  return {
    durable: false,
    hasRoom: async () => hasRoom(),
    submit: async (photos, task, release) => {
      if (!hasRoom()) {
        release();
        throw queueFull();
      }
      const entry: Entry = {
        id: randomUUID(),
        task,
        created: Date.now(),
        names: photos.map(({ name }) => name),
        outcomes: photos.map(() => undefined),
        cancel: new AbortController(),
        photos,
        release,
        begun: false,
        finished: undefined,
      };
      entries.set(entry.id, entry);
      const ended = jobLimit(() => run(entry)).finally(() => running.delete(ended));
      running.add(ended);
      return entry.id;
    },
    find: async (id) => {
      const entry = entries.get(id);
      return entry && toJob(entry);
    },
    progressOf: async (id) => {
      const entry = entries.get(id);
      return entry && progress(entry);
    },
    remove: async (id) => {
      const entry = entries.get(id);
      if (!entry) return false;
      entry.cancel.abort(new Error("the job was deleted"));
      forgetPhotos(entry);
      return entries.delete(id);
    },
    counts: async () => {
      const jobs = unfinished();
      const begun = jobs.filter((entry) => entry.begun).length;
      return { active: begun, waiting: jobs.length - begun };
    },
    sweep: async () => {
      const before = Date.now() - retentionSeconds * 1000;
      const old = all().filter(({ finished = Number.POSITIVE_INFINITY }) => finished < before);
      for (const { id } of old) entries.delete(id);
      return old.length;
    },
    stop: async () => {
      stopping.abort(new Error("the service is stopping"));
      await Promise.all(running);
      const lost = unfinished().length;
      if (lost > 0) log.warn({ jobs: lost }, "unfinished batches end with this process");
    },
  };
};
