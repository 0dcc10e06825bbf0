import pino from "pino";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { eventually } from "../testing/eventually.ts";
import type { Job, Outcome, Photo, Task } from "./job.ts";
import { createMemoryQueue, type MemoryQueueOptions } from "./memory-queue.ts";
import type { PhotoWork } from "./photo-work.ts";

const model = { name: "m", version: "1", digest: "sha256:1" };
const photo = (text: string): Photo => ({
  name: `${text}.jpg`,
  bytes: new Uint8Array(Buffer.from(text)),
});
const completed = (label: string): Outcome => ({
  status: "completed",
  prediction: { label, probability: 1, probabilities: { [label]: 1 } },
  model,
});
const failed = (givenUp: boolean): Outcome => ({
  status: "failed",
  error: { code: givenUp ? "internal" : "undecodable", detail: "no", givenUp },
});

const TASK: Task = { kind: "process", steps: ["qa"], background: "white" };
const compute = vi.fn<PhotoWork["compute"]>();
const giveUp = vi.fn<PhotoWork["giveUp"]>();
beforeEach(() => {
  compute
    .mockReset()
    .mockImplementation(async ({ bytes }) => completed(Buffer.from(bytes).toString()));
  giveUp.mockReset().mockReturnValue(failed(true));
});

const open = (options: Partial<MemoryQueueOptions> = {}) =>
  createMemoryQueue({
    work: { compute, giveUp },
    photosAtOnce: 2,
    maxJobs: 3,
    attempts: 3,
    backoffMs: 1,
    retentionSeconds: 60,
    log: pino({ level: "silent" }),
    ...options,
  });
type Queue = ReturnType<typeof open>;

const ended = (queue: Queue, id: string): Promise<Job> =>
  eventually(async () => {
    const job = await queue.find(id);
    expect(job?.finished).toBeDefined();
    return job as Job;
  });
/** Photos that wait until they are let go. */
const hold = () => {
  const held: (() => void)[] = [];
  compute.mockImplementation(
    ({ bytes }, signal) =>
      new Promise((resolve, reject) => {
        held.push(() => resolve(completed(Buffer.from(bytes).toString())));
        signal.addEventListener("abort", () => reject(signal.reason));
      }),
  );
  return held;
};

describe("createMemoryQueue", () => {
  it("gives each photo its outcome, in the order of the upload, and lets go of the photos", async () => {
    const queue = open();
    const release = vi.fn();
    const id = await queue.submit(["a", "b", "c"].map(photo), TASK, release);
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    const { items, progress } = await ended(queue, id);
    expect(items).toEqual(
      ["a", "b", "c"].map((label) => ({ name: `${label}.jpg`, outcome: completed(label) })),
    );
    expect(progress).toEqual({ status: "completed", total: 3, done: 3, failed: 0 });
    expect(await queue.progressOf(id)).toEqual(progress);
    expect((await queue.find(id))?.task).toEqual(TASK);
    expect(compute.mock.calls.map(([{ task, outputName }]) => [task, outputName])).toEqual(
      [0, 1, 2].map((index) => [TASK, `${id}/${index}`]),
    );
    expect(release).toHaveBeenCalledTimes(1);
    expect(await queue.counts()).toEqual({ waiting: 0, active: 0 });
  });

  it("tells a bad photo, which no attempt makes better, from a job that failed", async () => {
    compute.mockResolvedValueOnce(failed(false));
    const queue = open();
    const { progress } = await ended(
      queue,
      await queue.submit(["a", "b"].map(photo), TASK, vi.fn()),
    );
    expect(progress).toEqual({ status: "completed", total: 2, done: 2, failed: 1 });
    expect(compute).toHaveBeenCalledTimes(2);
  });

  it("tries again what failed through no fault of its own, and nothing else, until it is given up", async () => {
    const asked: string[] = [];
    compute.mockImplementation(async ({ bytes }) => {
      const text = Buffer.from(bytes).toString();
      asked.push(text);
      if (text === "never" || (text === "later" && asked.length < 4)) throw new Error("crash");
      return completed(text);
    });
    const queue = open();
    const id = await queue.submit(["now", "later", "never"].map(photo), TASK, vi.fn());
    const { items, progress } = await ended(queue, id);
    expect(asked.filter((text) => text === "now")).toHaveLength(1);
    expect(asked.filter((text) => text === "later")).toHaveLength(2);
    expect(asked.filter((text) => text === "never")).toHaveLength(3);
    expect(items.map(({ outcome }) => outcome?.status)).toEqual([
      "completed",
      "completed",
      "failed",
    ]);
    expect(progress).toMatchObject({ status: "failed", failed: 1 });
    expect(giveUp).toHaveBeenCalledWith(new Error("crash"));
  });

  it("takes no more jobs than it may, and gives no more photos to the pool at once", async () => {
    const held = hold();
    const queue = open();
    const submit = () => queue.submit(["a", "b"].map(photo), TASK, vi.fn());
    const ids = [await submit(), await submit(), await submit()];
    expect(await queue.hasRoom()).toBe(false);
    const release = vi.fn();
    await expect(queue.submit([photo("x")], TASK, release)).rejects.toMatchObject({
      code: "queue-full",
    });
    expect(release).toHaveBeenCalled();
    await eventually(() => expect(held).toHaveLength(2));
    expect(await queue.counts()).toEqual({ waiting: 1, active: 2 });
    expect(await queue.progressOf(ids[2] ?? "")).toMatchObject({ status: "waiting" });
    for (let next = 0; next < 6; next += 1) {
      await eventually(() => expect(held.length).toBeGreaterThan(next));
      expect(held.length - next).toBeLessThanOrEqual(2);
      held[next]?.();
    }
    for (const id of ids) await ended(queue, id);
    expect(await queue.hasRoom()).toBe(true);
  });

  it("ends a job that is deleted, and forgets its photos at once", async () => {
    hold();
    const queue = open();
    const releases = [vi.fn(), vi.fn(), vi.fn()];
    const ids: string[] = [];
    for (const release of releases) ids.push(await queue.submit([photo("a")], TASK, release));
    const [active = "", , waiting = ""] = ids;
    expect(await queue.remove(waiting)).toBe(true);
    expect(await queue.remove(active)).toBe(true);
    expect(await queue.remove(active)).toBe(false);
    expect(await queue.find(active)).toBeUndefined();
    expect(releases.map((release) => release.mock.calls.length)).toEqual([1, 0, 1]);
    await eventually(() => expect(compute).toHaveBeenCalledTimes(2));
    expect(await queue.counts()).toEqual({ waiting: 0, active: 1 });
  });

  it("forgets results behind their retention", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const queue = open();
    const id = await queue.submit([photo("a")], TASK, vi.fn());
    await eventually(async () => expect((await queue.find(id))?.finished).toBeDefined());
    expect(await queue.sweep?.()).toBe(0);
    vi.setSystemTime(Date.now() + 61_000);
    expect(await queue.sweep?.()).toBe(1);
    expect(await queue.find(id)).toBeUndefined();
    vi.useRealTimers();
  });

  it("begins nothing more when it stops, and ends what was begun", async () => {
    const held = hold();
    const queue = open();
    const id = await queue.submit(["a", "b", "c"].map(photo), TASK, vi.fn());
    await eventually(() => expect(held).toHaveLength(2));
    const stopped = queue.stop();
    expect(await queue.hasRoom()).toBe(false);
    for (const letGo of held) letGo();
    await stopped;
    expect(await queue.progressOf(id)).toMatchObject({ status: "active", done: 2 });
    expect(compute).toHaveBeenCalledTimes(2);
  });
});
