import type { Redis, Result } from "ioredis";

/** A job that nobody computes for so long is forgotten with its photos. */
export const UNFINISHED_SECONDS = 24 * 3600;
/** Entries of the dead-letter list: the newest ones. */
const DEAD_LETTERS = 1000;

/*
 * When its memory is full, Redis refuses a script at its first write alone, unless that takes none. So each script begins with a
 * write that changes nothing, or nothing that matters: they are what frees the photos' memory in the end.
 */

// In one step, so that a job that is deleted meanwhile does not come back. Its outcomes last as long as it does.
const BEGIN_JOB = `
if redis.call('HEXISTS', KEYS[1], 'total') == 0 then return 0 end
for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, ${UNFINISHED_SECONDS}) end
redis.call('HSET', KEYS[1], 'begun', 1)
return 1
`;

// Of each photo the outcome, where another job has it, or the bytes if they are wanted. It writes only to count. A nil would end its reply.
const TAKE_PHOTOS = `
if ARGV[1] == '1' then redis.call('HDEL', KEYS[2], '') end
local taken = {}
for i = 3, #ARGV do
  local begun = 0
  if ARGV[1] == '1' then begun = redis.call('HINCRBY', KEYS[2], ARGV[i], 1) end
  local known = KEYS[i] and redis.call('GET', KEYS[i]) or false
  local wanted = not known and ARGV[2] == '1'
  taken[#taken + 1] = {begun, known, wanted and redis.call('HGET', KEYS[1], ARGV[i])}
end
if ARGV[1] == '1' then redis.call('EXPIRE', KEYS[2], ${UNFINISHED_SECONDS}) end
return taken
`;

/*
 * In one step, because a process may die between any two: the outcomes, the counters, the photos' end, the job's end.
 * An outcome that is there already stays as it is, however often a photo was computed. Six values for each photo: its
 * number, the outcome, whether it failed, whether it was given up, the letter about that, and whether there is a key by
 * which other jobs find the outcome.
 */
const RECORD_OUTCOMES = `
local job, photos, outcomes, attempts, letters = unpack(KEYS, 1, 5)
local now, retention = ARGV[1], ARGV[2]
if redis.call('HEXISTS', job, 'total') == 0 then return 0 end
redis.call('HDEL', job, '')
local done, key = 0, 5
for i = 3, #ARGV, 6 do
  local field, outcome, failed, givenUp, letter, shared = unpack(ARGV, i, i + 5)
  if shared == '1' then key = key + 1 end
  if redis.call('HSETNX', outcomes, field, outcome) == 1 then
    done = done + 1
    redis.call('HDEL', photos, field)
    if shared == '1' then redis.call('SET', KEYS[key], outcome, 'EX', retention, 'NX') end
    if failed == '1' then redis.call('HINCRBY', job, 'failed', 1) end
    if givenUp == '1' then
      redis.call('HINCRBY', job, 'givenUp', 1)
      redis.call('LPUSH', letters, letter)
      redis.call('LTRIM', letters, 0, ${DEAD_LETTERS - 1})
    end
  end
end
if done == 0 then return 1 end
redis.call('EXPIRE', outcomes, ${UNFINISHED_SECONDS})
if redis.call('HINCRBY', job, 'done', done) == tonumber(redis.call('HGET', job, 'total')) then
  redis.call('HSET', job, 'finished', now)
  redis.call('DEL', photos, attempts)
  redis.call('EXPIRE', job, retention)
  redis.call('EXPIRE', outcomes, retention)
end
return 1
`;

type Arguments = readonly (string | number)[];

declare module "ioredis" {
  // The parameter is the library's own: it tells a connection from a pipeline.
  interface RedisCommander<Context> {
    beginJob(keys: number, ...rest: Arguments): Result<number, Context>;
    takePhotosBuffer(
      keys: number,
      ...rest: Arguments
    ): Result<[begun: number, known: Buffer | null, bytes: Buffer | null][], Context>;
    recordOutcomes(keys: number, ...rest: Arguments): Result<number, Context>;
  }
}

/** Adds what `redis-jobs.ts` asks of Redis to a connection, which then sends each script once and its digest from then on. */
export const defineScripts = (redis: Redis): void => {
  redis.defineCommand("beginJob", { lua: BEGIN_JOB });
  redis.defineCommand("takePhotos", { lua: TAKE_PHOTOS });
  redis.defineCommand("recordOutcomes", { lua: RECORD_OUTCOMES });
};
