import type { Logger } from "pino";

/** Sweeps in a retention: something stays for a quarter longer than it, at most. */
const SWEEPS_A_RETENTION = 4;
const MAX_INTERVAL_SECONDS = 3600;

export type SweeperOptions = {
  /** What is swept, for the log. */
  readonly what: string;
  readonly retentionSeconds: number;
  /** @returns how many went */
  readonly sweep: () => Promise<number>;
  readonly log: Logger;
};

/** Sweeps now and then, from now on. @returns what ends that */
export const startSweeper = (options: SweeperOptions): (() => void) => {
  const { what, retentionSeconds, sweep, log } = options;
  const seconds = Math.min(
    MAX_INTERVAL_SECONDS,
    Math.max(1, retentionSeconds / SWEEPS_A_RETENTION),
  );
  let sweeping = false;
  const run = async (): Promise<void> => {
    // A large bucket may take longer than the time between two sweeps.
    if (sweeping) return;
    sweeping = true;
    try {
      const swept = await sweep();
      if (swept > 0) log.info({ what, swept }, "swept");
    } catch (error) {
      log.warn({ what, err: error }, "sweeping failed; it is tried again");
    } finally {
      sweeping = false;
    }
  };
  void run();
  const timer = setInterval(() => void run(), seconds * 1000);
  timer.unref();
  return () => clearInterval(timer);
};
