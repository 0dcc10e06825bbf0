import type { Redis } from "ioredis";
import type { Job, JobProgress, JobStatus, Outcome, Photo } from "./job.ts";

/** Begins the names of all keys, BullMQ's included. */
export const KEY_PREFIX = "image-classification";

/** A job that nobody computes for so long is forgotten with its photos. */
const UNFINISHED_SECONDS = 24 * 3600;
/** One that its process did not live to put into the queue: its sender was never told that it was taken. */
const UNCONFIRMED_SECONDS = 30;
/** Entries of the dead-letter list: the newest ones. */
const DEAD_LETTERS = 1000;

type Counters = Readonly<Record<"total" | "done" | "failed" | "givenUp", number>>;

/** What came of recording: `gone` means that the job was deleted. */
type Recorded = "recorded" | "known" | "gone";

/** A photo's SHA-256, and the digest of the model that computes it. */
export type Computed = { readonly content: string; readonly model: string };

/** The jobs in Redis, and nothing of who computes them when. */
export type RedisJobs = {
  /** Adds a job that is soon forgotten, unless it is confirmed or begun. */
  add(id: string, photos: readonly Photo[]): Promise<void>;
  confirm(id: string): Promise<void>;
  /** Notes that the job is computed. @returns the photos without an outcome, or undefined when there is no such job */
  begin(id: string): Promise<readonly number[] | undefined>;
  /**
   * Fetches a photo to compute it.
   *
   * @param count whether to count that, which is a write and is waited for: not when a job is begun for the first time
   * @returns how often it was counted, this time included; no bytes when they are gone
   */
  take(
    id: string,
    index: number,
    count: boolean,
  ): Promise<{ readonly bytes: Buffer | null; readonly begun: number }>;
  /** What is known of a photo by its content and the model. */
  knownOutcome(computed: Computed): Promise<Outcome | undefined>;
  /**
   * Records an outcome, unless there is one, and forgets the photo. The last one ends the job.
   *
   * @param computed by what the outcome is known to other jobs, too
   */
  record(
    place: { readonly id: string; readonly index: number },
    outcome: Outcome,
    computed?: Computed,
  ): Promise<Recorded>;
  find(id: string): Promise<Job | undefined>;
  progressOf(id: string): Promise<JobProgress | undefined>;
  remove(id: string): Promise<boolean>;
};

// In one step, so that a job that is deleted meanwhile does not come back. Its outcomes last as long as it does.
const BEGIN = `
if redis.call('HEXISTS', KEYS[1], 'total') == 0 then return 0 end
redis.call('HSET', KEYS[1], 'begun', 1)
for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, ${UNFINISHED_SECONDS}) end
return 1
`;

/*
 * In one step, because a process may die between any two: the outcome, the counters, the photo's end, the job's end.
 * An outcome that is there already stays as it is, however often a photo was computed.
 */
const RECORD = `
if redis.call('HEXISTS', KEYS[1], 'total') == 0 then return -1 end
if redis.call('HSETNX', KEYS[3], ARGV[1], ARGV[2]) == 0 then return 0 end
redis.call('EXPIRE', KEYS[3], ${UNFINISHED_SECONDS})
redis.call('HDEL', KEYS[2], ARGV[1])
if KEYS[6] then redis.call('SET', KEYS[6], ARGV[2], 'EX', ARGV[6], 'NX') end
redis.call('HINCRBY', KEYS[1], 'failed', ARGV[3])
redis.call('HINCRBY', KEYS[1], 'givenUp', ARGV[4])
if ARGV[4] == '1' then
  redis.call('LPUSH', KEYS[5], ARGV[7])
  redis.call('LTRIM', KEYS[5], 0, ${DEAD_LETTERS - 1})
end
if redis.call('HINCRBY', KEYS[1], 'done', 1) == tonumber(redis.call('HGET', KEYS[1], 'total')) then
  redis.call('HSET', KEYS[1], 'finished', ARGV[5])
  redis.call('DEL', KEYS[2], KEYS[4])
  redis.call('EXPIRE', KEYS[1], ARGV[6])
  redis.call('EXPIRE', KEYS[3], ARGV[6])
end
return 1
`;

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

/** Keeps jobs in Redis. What has ended goes after the retention, by itself. */
export const createRedisJobs = (redis: Redis, retentionSeconds: number): RedisJobs => ({
  add: async (id, photos) => {
    const keys = keysOf(id);
    const names = JSON.stringify(photos.map(({ name }) => name));
    const commands = redis
      .multi()
      .hset(keys.job, { total: photos.length, names, created: Date.now() })
      .expire(keys.job, UNCONFIRMED_SECONDS);
    for (const [index, { bytes }] of photos.entries()) {
      commands.hset(keys.photos, index, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
    }
    all(await commands.expire(keys.photos, UNCONFIRMED_SECONDS).exec());
  },
  confirm: async (id) => {
    const { job, photos } = keysOf(id);
    const commands = redis.multi().expire(job, UNFINISHED_SECONDS);
    all(await commands.expire(photos, UNFINISHED_SECONDS).exec());
  },
  begin: async (id) => {
    const { job, photos, outcomes } = keysOf(id);
    const [total, known] = await Promise.all([redis.hget(job, "total"), redis.hkeys(outcomes)]);
    if (total === null) return undefined;
    const done = new Set(known.map(Number));
    // One that ended is not kept for longer.
    if (done.size === Number(total)) return [];
    if ((await redis.eval(BEGIN, 3, job, photos, outcomes)) === 0) return undefined;
    return Array.from({ length: Number(total) }, (_, index) => index).filter((i) => !done.has(i));
  },
  take: async (id, index, count) => {
    const { photos, attempts } = keysOf(id);
    const field = String(index);
    const commands = redis.pipeline().hgetBuffer(photos, field);
    if (count) commands.hincrby(attempts, field, 1).expire(attempts, UNFINISHED_SECONDS);
    const [bytes, begun = 0] = all(await commands.exec());
    return { bytes: bytes as Buffer | null, begun: Number(begun) };
  },
  knownOutcome: async (computed) => {
    const known = await redis.get(outcomeKey(computed));
    return known === null ? undefined : JSON.parse(known);
  },
  record: async ({ id, index }, outcome, computed) => {
    const { job, photos, outcomes, attempts } = keysOf(id);
    const keys = [job, photos, outcomes, attempts, DEAD_LETTER_KEY];
    if (computed) keys.push(outcomeKey(computed));
    const failed = outcome.status === "failed";
    const givenUp = failed && outcome.error.givenUp;
    const now = Date.now();
    const letter = JSON.stringify({ job: id, index, time: now, outcome });
    const reply = await redis.eval(
      ...([RECORD, keys.length, ...keys] as const),
      ...[index, JSON.stringify(outcome), Number(failed), Number(givenUp)],
      ...[now, retentionSeconds, letter],
    );
    if (reply === -1) return "gone";
    return reply === 1 ? "recorded" : "known";
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
});
