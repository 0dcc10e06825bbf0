import { setImmediate as nextTurn } from "node:timers/promises";
import pino from "pino";
import { describe, expect, it, vi } from "vitest";
import type { Outcome, Task } from "./job.ts";
import type { PhotoWork } from "./photo-work.ts";
import { createRedisAttempts, type RedisAttemptsOptions } from "./redis-attempts.ts";
import type { JobResult, Taken } from "./redis-jobs.ts";

const MODEL = { name: "pets", version: "1", digest: "d1" };
const CAT: Outcome = {
  status: "completed",
  prediction: { label: "cat", probability: 1, probabilities: { cat: 1 } },
  model: MODEL,
};
const GIVEN_UP: Outcome = {
  status: "failed",
  error: { code: "internal", detail: "given up", givenUp: true },
};

const TASK: Task = { kind: "predict" };

/** Jobs of some photos, of which Redis knows what the test says. */
const jobsOf = (count: number, taken: Partial<Taken> = {}) => {
  const photos = Array.from({ length: count }, (_, index) => ({ index, content: `c${index}` }));
  const recorded: JobResult[] = [];
  return {
    recorded,
    begin: vi.fn<RedisAttemptsOptions["jobs"]["begin"]>(async () => ({ task: TASK, photos })),
    take: vi.fn<RedisAttemptsOptions["jobs"]["take"]>(async (_id, group) =>
      group.map(({ index }) => ({
        ...{ begun: 1, known: undefined, bytes: Buffer.from([index]) },
        ...taken,
      })),
    ),
    record: vi.fn<RedisAttemptsOptions["jobs"]["record"]>(async (_id, results) => {
      recorded.push(...results);
      return true;
    }),
    progressOf: vi.fn<RedisAttemptsOptions["jobs"]["progressOf"]>(async () => {
      const done = recorded.length;
      const status = done < count ? "active" : "completed";
      return { status, total: count, done, failed: 0 };
    }),
  };
};

/** Attempts of which the pool computes as the test says. */
const attemptsOf = (
  jobs: ReturnType<typeof jobsOf>,
  compute: PhotoWork["compute"],
  { photosAtOnce = 8 } = {},
) =>
  createRedisAttempts({
    ...{ jobs, photosAtOnce, attempts: 2, servedModel: () => "d1" },
    work: { compute, giveUp: () => GIVEN_UP },
    log: pino({ level: "silent" }),
  });

/** A pool that counts how many photos it has at once. */
const countingPool = () => {
  let now = 0;
  const pool = {
    most: 0,
    compute: async () => {
      now += 1;
      pool.most = Math.max(pool.most, now);
      await nextTurn();
      now -= 1;
      return CAT;
    },
  };
  return pool;
};

const FIRST = { id: "job", again: false, failures: 0, held: undefined };
const AGAIN = { ...FIRST, again: true };

describe("attempts at jobs in Redis", () => {
  it.each([
    // A group of eight, and one that is fetched meanwhile.
    { job: FIRST, most: 16, groups: 4 },
    { job: AGAIN, most: 8, groups: 30 },
  ])("gives the pool so many photos at once: %o", async ({ job, most, groups }) => {
    const jobs = jobsOf(30);
    const pool = countingPool();
    expect(await attemptsOf(jobs, pool.compute).run(job)).toBe("ended");
    expect(pool.most).toBe(most);
    expect(jobs.take).toHaveBeenCalledTimes(groups);
    expect(jobs.recorded.map(({ index }) => index)).toEqual(
      Array.from({ length: 30 }, (_, i) => i),
    );
  });

  it("shares the limit between the jobs that run beside each other", async () => {
    const pool = countingPool();
    const attempts = attemptsOf(jobsOf(10), pool.compute);
    await Promise.all([AGAIN, AGAIN].map((job, i) => attempts.run({ ...job, id: `${i}` })));
    expect(pool.most).toBe(8);
  });

  it("counts beginnings of a job that was begun before, and only of such a one", async () => {
    for (const job of [FIRST, AGAIN]) {
      const jobs = jobsOf(1);
      await attemptsOf(jobs, async () => CAT).run(job);
      expect(jobs.take.mock.lastCall?.[2]).toEqual({ model: "d1", count: job.again, bytes: true });
    }
  });

  it("does not fetch what this process has of the photos, and asks what other jobs know", async () => {
    const held = ["a", "b"].map((name) => ({ name, bytes: new Uint8Array(Buffer.from(name)) }));
    const compute = vi.fn<PhotoWork["compute"]>(async () => CAT);
    const jobs = jobsOf(2, { bytes: undefined });
    jobs.take.mockResolvedValueOnce([
      { begun: 0, known: CAT, bytes: undefined },
      { begun: 0, known: undefined, bytes: undefined },
    ]);
    expect(await attemptsOf(jobs, compute).run({ ...FIRST, held })).toBe("ended");
    expect(jobs.take.mock.lastCall?.[2]).toEqual({ model: "d1", count: false, bytes: false });
    expect(
      compute.mock.calls.map(([{ bytes, ...item }]) => [Buffer.from(bytes).toString(), item]),
    ).toEqual([["b", { task: TASK, outputName: "job/1" }]]);
    expect(jobs.recorded.map(({ index }) => index)).toEqual([0, 1]);
  });

  it("computes nothing that another job knows, and says by what its own results are known", async () => {
    const compute = vi.fn(async () => CAT);
    const jobs = jobsOf(1, { known: CAT });
    await attemptsOf(jobs, compute).run(FIRST);
    expect(compute).not.toHaveBeenCalled();
    expect(jobs.recorded).toEqual([{ index: 0, outcome: CAT }]);

    const own = jobsOf(1);
    await attemptsOf(own, compute).run(FIRST);
    expect(own.recorded).toEqual([
      { index: 0, outcome: CAT, computed: { content: "c0", model: "d1" } },
    ]);
  });

  it("throws what is worth another attempt, and gives the photo up in its last one", async () => {
    const compute: PhotoWork["compute"] = async ({ bytes }): Promise<Outcome> => {
      if (bytes[0] === 1) throw new Error("the worker died");
      return CAT;
    };
    const jobs = jobsOf(3);
    const attempts = attemptsOf(jobs, compute);
    await expect(attempts.run(FIRST)).rejects.toThrow("the worker died");
    expect(jobs.recorded.map(({ index }) => index)).toEqual([0, 2]);

    const last = jobsOf(3);
    expect(await attemptsOf(last, compute).run({ ...AGAIN, failures: 1 })).toBe("ended");
    const inOrder = last.recorded.toSorted((a, b) => a.index - b.index);
    expect(inOrder.map(({ outcome }) => outcome)).toEqual([CAT, GIVEN_UP, CAT]);
  });

  it("gives up a photo that was begun too often, whatever its processes died of", async () => {
    const jobs = jobsOf(1, { begun: 5 });
    const compute = vi.fn(async () => CAT);
    expect(await attemptsOf(jobs, compute).run(AGAIN)).toBe("ended");
    expect(compute).not.toHaveBeenCalled();
    expect(jobs.recorded).toEqual([{ index: 0, outcome: GIVEN_UP }]);
  });

  it("gives up a photo that is gone", async () => {
    const jobs = jobsOf(1, { bytes: undefined });
    expect(await attemptsOf(jobs, async () => CAT).run(FIRST)).toBe("ended");
    expect(jobs.recorded).toMatchObject([{ outcome: { error: { code: "internal" } } }]);
  });

  it("goes on with the other photos when Redis refuses an outcome, and then throws that", async () => {
    const jobs = jobsOf(20);
    jobs.record.mockRejectedValueOnce(new Error("OOM"));
    await expect(attemptsOf(jobs, async () => CAT).run(FIRST)).rejects.toThrow("OOM");
    expect(jobs.recorded).toHaveLength(12);
  });

  it("ends with a job that was deleted, without a failure", async () => {
    const jobs = jobsOf(30);
    const attempts = attemptsOf(jobs, (_item, signal) => {
      attempts.cancel("job");
      return Promise.reject(signal.reason);
    });
    expect(await attempts.run({ ...FIRST, failures: 1 })).toBe("ended");
    expect(jobs.recorded).toEqual([]);
    expect(jobs.take.mock.calls.length).toBeLessThan(4);
  });

  it("fetches no photo once it is stopped, and hands an unfinished job back", async () => {
    const jobs = jobsOf(30);
    const attempts = attemptsOf(jobs, async () => {
      attempts.stop();
      return CAT;
    });
    expect(await attempts.run(FIRST)).toBe("unfinished");
    // Those of the two groups that were under way.
    expect(jobs.recorded).toHaveLength(16);
  });
});
