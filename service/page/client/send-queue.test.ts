import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Outcome } from "./outcome.js";
import { createSendQueue } from "./send-queue.js";

type Asked = {
  readonly job: string;
  readonly signal: AbortSignal;
  readonly answer: (outcome: Outcome) => void;
};

const failed: Outcome = { kind: "failed", title: "t", detail: "d" };
const busy = (seconds: number): Outcome => ({ kind: "busy", title: "t", detail: "d", seconds });

let asked: Asked[];
let sleeps: { readonly seconds: number; readonly end: () => void }[];
const onStart = vi.fn<(job: string) => void>();
const onOutcome = vi.fn<(job: string, outcome: Outcome) => void>();
const onPause = vi.fn<(seconds: number | undefined) => void>();

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
    expect(onPause.mock.calls).toEqual([[3]]);
    await answer(1, failed);
    queue.add("d");
    expect(jobs(), "still only the first two").toBe("ab");
    expect(sleeps.map(({ seconds }) => seconds)).toEqual([3]);
    sleeps[0]?.end();
    await settle();
    expect(jobs()).toBe("abac");
    expect(onPause.mock.calls).toEqual([[3], [undefined]]);
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
