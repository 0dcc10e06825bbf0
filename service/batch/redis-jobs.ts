import { createHash } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Redis } from "ioredis";
import type { Job, JobProgress, JobStatus, Outcome, Photo, Task } from "./job.ts";
import { defineScripts, UNFINISHED_SECONDS } from "./redis-scripts.ts";

/** Begins the names of all keys, BullMQ's included. */
export const KEY_PREFIX = "image-classification";

/** One that its process did not live to put into the queue: its sender was never told that it was taken. */
const UNCONFIRMED_SECONDS = 30;

type Counters = Readonly<Record<"total" | "done" | "failed" | "givenUp", number>>;

/** A photo's SHA-256, and the digest of the model that computes it. */
type Computed = { readonly content: string; readonly model: string };

/**
 * A photo of a job, and the SHA-256 of its bytes, by which other jobs know its prediction. There is none when it is
 * processed, because what comes of that depends on settings as well, and none in a job that an older version put there.
 */
export type JobPhoto = { readonly index: number; readonly content: string | undefined };

/** A job that is computed. */
export type BegunJob = {
  readonly task: Task;
  /** Those without an outcome. */
  readonly photos: readonly JobPhoto[];
};

/** A photo's outcome, and by what it is known to other jobs, too. */
export type JobResult = {
  readonly index: number;
  readonly outcome: Outcome;
  readonly computed?: Computed;
};

/** What is taken to be computed: the bytes, or an outcome that need not be; neither when the photo is gone. */
export type Taken = {
  /** How often it was counted that the photo was taken, this time included. */
  readonly begun: number;
  readonly known: Outcome | undefined;
  /** Undefined when they were not wanted, too. */
  readonly bytes: Buffer | undefined;
};

/** The jobs in Redis, and nothing of who computes them when. */
export type RedisJobs = {
  /** Adds a job that is soon forgotten, unless it is confirmed or begun. */
  add(id: string, photos: readonly Photo[], task: Task): Promise<void>;
  confirm(id: string): Promise<void>;
  /** Notes that the job is computed. @returns undefined when there is no such job */
  begin(id: string): Promise<BegunJob | undefined>;
  /**
   * Fetches photos to compute them, or what other jobs know of their contents, in their order.
   *
   * @param model the digest of the one that would compute them, if there is one
   * @param count whether to count that, which is a write and is waited for: not when a job is begun for the first time
   * @param bytes whether the bytes are wanted
   */
  take(
    id: string,
    photos: readonly JobPhoto[],
    options: {
      readonly model: string | undefined;
      readonly count: boolean;
      readonly bytes: boolean;
    },
  ): Promise<readonly Taken[]>;
  /**
   * Records the outcomes of photos that have none, and forgets the photos. The last one ends the job.
   *
   * @returns whether there is still such a job
   */
  record(id: string, results: readonly JobResult[]): Promise<boolean>;
  find(id: string): Promise<Job | undefined>;
  progressOf(id: string): Promise<JobProgress | undefined>;
  remove(id: string): Promise<boolean>;
};

const keysOf = (id: string) => {
  const key = (kind: string): string => `${KEY_PREFIX}:${kind}:${id}`;
  return {
    job: key("job"),
    photos: key("photos"),
    outcomes: key("outcomes"),
    attempts: key("attempts"),
  };
};
const DEAD_LETTER_KEY = `${KEY_PREFIX}:dead-letters`;
const outcomeKey = ({ model, content }: Computed): string =>
  `${KEY_PREFIX}:outcome:${model}:${content}`;

const statusOf = ({ total, done, givenUp }: Counters, begun: boolean): JobStatus => {
  if (done < total) return begun ? "active" : "waiting";
  return givenUp > 0 ? "failed" : "completed";
};

const progressFrom = (fields: Readonly<Record<string, string | null>>): JobProgress | undefined => {
  const count = (name: string): number => Number(fields[name] ?? 0);
  if (!fields["total"]) return undefined;
  const counters = {
    ...{ total: count("total"), done: count("done") },
    ...{ failed: count("failed"), givenUp: count("givenUp") },
  };
  const { total, done, failed } = counters;
  return { status: statusOf(counters, Boolean(fields["begun"])), total, done, failed };
};

const PROGRESS_FIELDS = ["total", "done", "failed", "givenUp", "begun"] as const;

/** The replies of commands that were sent together. @throws the first one that is an error */
const all = (replies: [Error | null, unknown][] | null): unknown[] =>
  (replies ?? []).map(([error, reply]) => {
    if (error) throw error;
    return reply;
  });

/** Of a job that an older version put there, which knew one task. */
const taskOf = (field: string | null | undefined): Task =>
  field ? JSON.parse(field) : { kind: "predict" };

const digestOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** Keeps jobs in Redis. What has ended goes after the retention, by itself. */
export const createRedisJobs = (redis: Redis, retentionSeconds: number): RedisJobs => {
  defineScripts(redis);
  return {
    add: async (id, photos, task) => {
      const keys = keysOf(id);
      const names = JSON.stringify(photos.map(({ name }) => name));
      const contents: string[] = [];
      for (const { bytes } of task.kind === "predict" ? photos : []) {
        contents.push(digestOf(bytes));
        // Others have their turn: 50 photos of a camera take long enough for a probe to notice.
        await nextTurn();
      }
      // All in one command, because each has a cost of its own.
      const bytesOf = photos.map(({ bytes }, index): [number, Buffer] => [
        index,
        Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length),
      ]);
      const commands = redis
        .multi()
        .hset(keys.job, {
          total: photos.length,
          task: JSON.stringify(task),
          names,
          contents: JSON.stringify(contents),
          created: Date.now(),
        })
        .expire(keys.job, UNCONFIRMED_SECONDS)
        .hset(keys.photos, new Map(bytesOf))
        .expire(keys.photos, UNCONFIRMED_SECONDS);
      all(await commands.exec());
    },
    confirm: async (id) => {
      const { job, photos } = keysOf(id);
      const commands = redis.multi().expire(job, UNFINISHED_SECONDS);
      all(await commands.expire(photos, UNFINISHED_SECONDS).exec());
    },
    begin: async (id) => {
      const { job, photos: bytes, outcomes } = keysOf(id);
      const [[total, field, contents], known] = await Promise.all([
        redis.hmget(job, "total", "task", "contents"),
        redis.hkeys(outcomes),
      ]);
      if (!total) return undefined;
      const task = taskOf(field);
      // One that ended is not kept for longer.
      if (known.length === Number(total)) return { task, photos: [] };
      if ((await redis.beginJob(3, job, bytes, outcomes)) === 0) return undefined;
      const done = new Set(known.map(Number));
      const digests = JSON.parse(contents ?? "[]") as string[];
      const photos = Array.from({ length: Number(total) }, (_, index) => ({
        index,
        content: digests[index],
      }));
      return { task, photos: photos.filter(({ index }) => !done.has(index)) };
    },
    take: async (id, taken, { model, count, bytes: wanted }) => {
      const { photos, attempts } = keysOf(id);
      const known = taken.flatMap(({ content }) =>
        model === undefined || content === undefined ? [] : [outcomeKey({ model, content })],
      );
      const replies = await redis.takePhotosBuffer(
        ...([2 + known.length, photos, attempts, ...known] as const),
        ...[Number(count), Number(wanted), ...taken.map(({ index }) => index)],
      );
      return replies.map(([begun, outcome, bytes]) => ({
        begun,
        known: outcome ? JSON.parse(outcome.toString()) : undefined,
        bytes: bytes ?? undefined,
      }));
    },
    record: async (id, results) => {
      const { job, photos, outcomes, attempts } = keysOf(id);
      const shared = results.flatMap(({ computed }) => (computed ? [outcomeKey(computed)] : []));
      const now = Date.now();
      const values = results.flatMap(({ index, outcome, computed }) => {
        const failed = outcome.status === "failed";
        const givenUp = failed && outcome.error.givenUp;
        const letter = givenUp ? JSON.stringify({ job: id, index, time: now, outcome }) : "";
        return [
          ...[index, JSON.stringify(outcome), Number(failed)],
          ...[Number(givenUp), letter, Number(computed !== undefined)],
        ];
      });
      const reply = await redis.recordOutcomes(
        ...([5 + shared.length, job, photos, outcomes, attempts] as const),
        ...[DEAD_LETTER_KEY, ...shared, now, retentionSeconds, ...values],
      );
      return reply === 1;
    },
    find: async (id) => {
      const keys = keysOf(id);
      const [fields, outcomes] = await Promise.all([
        redis.hgetall(keys.job),
        redis.hgetall(keys.outcomes),
      ]);
      const progress = progressFrom(fields);
      if (!progress) return undefined;
      const names = JSON.parse(fields["names"] ?? "[]") as string[];
      return {
        id,
        task: taskOf(fields["task"]),
        progress,
        created: Number(fields["created"]),
        finished: fields["finished"] === undefined ? undefined : Number(fields["finished"]),
        items: names.map((name, index) => {
          const outcome = outcomes[index];
          return { name, outcome: outcome === undefined ? undefined : JSON.parse(outcome) };
        }),
      };
    },
    progressOf: async (id) => {
      const values = await redis.hmget(keysOf(id).job, ...PROGRESS_FIELDS);
      return progressFrom(
        Object.fromEntries(PROGRESS_FIELDS.map((name, i) => [name, values[i] ?? null])),
      );
    },
    remove: async (id) => {
      const { job, ...others } = keysOf(id);
      const [removed] = all(
        await redis
          .multi()
          .del(job)
          .del(...Object.values(others))
          .exec(),
      );
      return removed === 1;
    },
  };
};
