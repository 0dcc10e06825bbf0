import { setTimeout as wait } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import type { Logger } from "pino";
import { createFindKeyOwner, type FindKeyOwner, readApiKeys } from "./api-keys.ts";

/** A key that was taken back ends within so long. */
const LOOK_MS = 5000;

export type WatchKeysOptions = {
  readonly file: string;
  readonly log: Pick<Logger, "info" | "warn">;
  /** Milliseconds between two looks at the file. @default 5 s */
  readonly everyMs?: number;
};

/**
 * Finds keys in a file, and follows the file: a key that comes or goes needs no restart. A file that cannot be used any more
 * changes nothing but the log.
 *
 * It is read and not listened to: Kubernetes changes a mounted Secret by another target of a link, which a watch of the file
 * does not see, and one that looks at its times has none to compare with at first.
 *
 * @throws SettingsError when the file cannot be used from the start
 */
export const watchKeys = async (
  options: WatchKeysOptions,
): Promise<{ readonly find: FindKeyOwner; readonly stop: () => void }> => {
  const { file, log, everyMs = LOOK_MS } = options;
  let known = await readApiKeys(file);
  let find = createFindKeyOwner(known);
  let complaint = "";
  const stopping = new AbortController();
  const { signal } = stopping;
  const look = async (): Promise<void> => {
    try {
      const keys = await readApiKeys(file);
      if (signal.aborted) return;
      if (isDeepStrictEqual(keys, known)) {
        if (complaint !== "") log.info({ keys: keys.length }, "the keys are as before");
      } else {
        known = keys;
        find = createFindKeyOwner(keys);
        log.info({ keys: keys.length }, "the keys have changed");
      }
      complaint = "";
    } catch (error) {
      if (signal.aborted) return;
      const text = String(error instanceof Error ? error.message : error);
      if (text !== complaint) log.warn(`${text} The keys of before still count.`);
      complaint = text;
    }
  };
  const follow = async (): Promise<never> => {
    for (;;) {
      // It keeps no process alive.
      await wait(everyMs, undefined, { ref: false, signal });
      await look();
    }
  };
  // Only its stop ends it.
  follow().catch(() => undefined);
  return { find: (key) => find(key), stop: () => stopping.abort() };
};
