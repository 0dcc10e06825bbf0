import pino from "pino";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { startSweeper } from "./sweeper.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const log = pino({ level: "silent" });
const HOUR_MS = 3_600_000;

it("sweeps at once, then four times in a retention, until it is ended; a failure changes nothing", async () => {
  const sweep = vi.fn().mockRejectedValueOnce(new Error("disk")).mockResolvedValue(1);
  const stop = startSweeper({ what: "x", retentionSeconds: 40, sweep, log });
  expect(sweep).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(40_000);
  expect(sweep).toHaveBeenCalledTimes(5);
  stop();
  await vi.advanceTimersByTimeAsync(40_000);
  expect(sweep).toHaveBeenCalledTimes(5);
});

it("begins no sweep while one is under way, however long that takes", async () => {
  const slow = Promise.withResolvers<number>();
  const sweep = vi.fn().mockReturnValueOnce(slow.promise).mockResolvedValue(0);
  const stop = startSweeper({ what: "x", retentionSeconds: 40, sweep, log });
  await vi.advanceTimersByTimeAsync(100_000);
  expect(sweep).toHaveBeenCalledTimes(1);
  slow.resolve(0);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(sweep).toHaveBeenCalledTimes(2);
  stop();
});

it("sweeps once an hour at least", async () => {
  const sweep = vi.fn().mockResolvedValue(0);
  const stop = startSweeper({ what: "x", retentionSeconds: 1e7, sweep, log });
  await vi.advanceTimersByTimeAsync(HOUR_MS);
  expect(sweep).toHaveBeenCalledTimes(2);
  stop();
});
