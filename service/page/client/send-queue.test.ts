import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Outcome } from "./outcome.js";
import { createSendQueue, type Pause } from "./send-queue.js";

type Asked = {
  readonly job: string;
  readonly signal: AbortSignal;
  readonly answer: (outcome: Outcome) => void;
};

const failed: Outcome = { kind: "failed", title: "t", detail: "d" };
const unreached: Outcome = { kind: "unreached", title: "t", detail: "d" };
const busy = (seconds: number): Outcome => ({ kind: "busy", title: "t", detail: "d", seconds });

let asked: Asked[];
let sleeps: { readonly seconds: number; readonly end: () => void }[];
const onStart = vi.fn<(job: string) => void>();
const onOutcome = vi.fn<(job: string, outcome: Outcome) => void>();
const onPause = vi.fn<(pause: Pause | undefined) => void>();

const jobs = () => asked.map(({ job }) => job).join("");
/** Lets everything that is settled be heard of. */
const settle = () => new Promise((resolve) => setImmediate(resolve));
const answer = async (index: number, outcome: Outcome) => {
  asked[index]?.answer(outcome);
  await settle();
};
const queueOf = (concurrency: number) =>
  createSendQueue<string>({
    concurrency,
    ask: (job, signal) =>
      new Promise((resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
        asked.push({ job, signal, answer: resolve });
      }),
    onStart,
    onOutcome,
    onPause,
    sleep: (seconds) => new Promise((end) => sleeps.push({ seconds, end })),
  });

beforeEach(() => {
  asked = [];
  sleeps = [];
  for (const mock of [onStart, onOutcome, onPause]) mock.mockReset();
});

describe("the send queue", () => {
  it("sends in order, no more than so many at a time", async () => {
    const queue = queueOf(2);
    for (const job of "abcd") queue.add(job);
    expect(jobs()).toBe("ab");
    await answer(1, failed);
    expect(jobs()).toBe("abc");
    expect(onOutcome.mock.calls).toEqual([["b", failed]]);
    expect(onStart.mock.calls.flat().join("")).toBe("abc");
  });

  it("sends nothing while the service is busy, and what was refused first then", async () => {
    const queue = queueOf(2);
    for (const job of "abc") queue.add(job);
    await answer(0, busy(3));
    expect(onPause.mock.calls).toEqual([[{ seconds: 3, kind: "busy" }]]);
    await answer(1, failed);
    queue.add("d");
    expect(jobs(), "still only the first two").toBe("ab");
    expect(sleeps.map(({ seconds }) => seconds)).toEqual([3]);
    sleeps[0]?.end();
    await settle();
    expect(jobs()).toBe("abac");
    expect(onPause.mock.calls).toEqual([[{ seconds: 3, kind: "busy" }], [undefined]]);
    expect(onOutcome).toHaveBeenCalledTimes(1);
  });

  it("waits for the longest of several pauses", async () => {
    const queue = queueOf(3);
    for (const job of "abc") queue.add(job);
    await answer(0, busy(1));
    await answer(1, busy(60));
    await answer(2, busy(1));
    expect(sleeps.map(({ seconds }) => seconds)).toEqual([1, 60]);
    sleeps[0]?.end();
    await settle();
    expect(jobs()).toBe("abc");
    sleeps[1]?.end();
    await settle();
    expect([...jobs().slice(3)].sort().join("")).toBe("abc");
  });

  it("gives up on a service that stays busy", async () => {
    const queue = queueOf(1);
    queue.add("a");
    for (let tries = 0; tries < 10; tries += 1) {
      await answer(tries, busy(1));
      sleeps[tries]?.end();
      await settle();
    }
    expect(jobs()).toBe("a".repeat(10));
    expect(onOutcome.mock.calls).toEqual([["a", busy(1)]]);
  });

  it("waits longer and longer for a service that cannot be reached, until it gives up", async () => {
    const queue = queueOf(1);
    queue.add("a");
    for (let tries = 0; tries < 10; tries += 1) {
      expect(onOutcome).not.toHaveBeenCalled();
      await answer(tries, unreached);
      sleeps[tries]?.end();
      await settle();
    }
    expect(sleeps.map(({ seconds }) => seconds)).toEqual([1, 2, 4, 8, 16, 30, 30, 30, 30]);
    expect(onPause.mock.calls[0]).toEqual([{ seconds: 1, kind: "unreached" }]);
    expect(onOutcome.mock.calls).toEqual([["a", unreached]]);
  });

  it("sends what a short loss of the connection stopped, and the rest, when it is back", async () => {
    const queue = queueOf(2);
    for (const job of "abcd") queue.add(job);
    await answer(0, unreached);
    await answer(1, unreached);
    for (const { end } of sleeps) end();
    await settle();
    for (let index = 2; index < 6; index += 1) await answer(index, failed);
    expect(jobs()).toBe("ababcd");
    expect(onOutcome.mock.calls).toEqual([..."abcd"].map((job) => [job, failed]));
  });

  it("offers what was refused in its old order", async () => {
    const queue = queueOf(4);
    for (const job of "abcdef") queue.add(job);
    // A rate limit lets the first through, and refuses the others.
    for (const index of [1, 2, 3]) await answer(index, busy(1));
    await answer(0, failed);
    for (const { end } of sleeps) end();
    await settle();
    expect(jobs()).toBe("abcdbcde");
  });

  it("does not give up what is refused while others get through", async () => {
    const queue = queueOf(2);
    const others = "bcdefghijklmnop";
    for (const job of `a${others}`) queue.add(job);
    for (let index = 0; index < 2 * others.length; index += 2) {
      await answer(index, busy(1));
      await answer(index + 1, failed);
      for (const { end } of sleeps) end();
      await settle();
    }
    expect(onOutcome.mock.calls.map(([job]) => job).join("")).toBe(others);
    await answer(2 * others.length, failed);
    expect(onOutcome.mock.calls.at(-1)).toEqual(["a", failed]);
  });

  it("forgets everything when it is cleared, and goes on with what comes then", async () => {
    const queue = queueOf(1);
    for (const job of "ab") queue.add(job);
    queue.clear();
    expect(asked[0]?.signal.aborted).toBe(true);
    await settle();
    expect(onOutcome).not.toHaveBeenCalled();
    queue.add("c");
    expect(jobs()).toBe("ac");
    await answer(1, failed);
    expect(onOutcome.mock.calls).toEqual([["c", failed]]);
  });
});
