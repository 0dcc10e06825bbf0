import { unwatchFile, watchFile } from "node:fs";
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
 * It is looked at and not listened to: Kubernetes changes a mounted Secret by another target of a link, which a watch of the file
 * does not see.
 *
 * @throws SettingsError when the file cannot be used from the start
 */
export const watchKeys = async (
  options: WatchKeysOptions,
): Promise<{ readonly find: FindKeyOwner; readonly stop: () => void }> => {
  const { file, log, everyMs = LOOK_MS } = options;
  let find = createFindKeyOwner(await readApiKeys(file));
  const read = async (): Promise<void> => {
    try {
      const keys = await readApiKeys(file);
      find = createFindKeyOwner(keys);
      log.info({ keys: keys.length }, "the keys have changed");
    } catch (error) {
      log.warn(`${error instanceof Error ? error.message : error} The keys of before still count.`);
    }
  };
  const look = (): void => void read();
  // It keeps no process alive.
  watchFile(file, { interval: everyMs, persistent: false }, look);
  return { find: (key) => find(key), stop: () => unwatchFile(file, look) };
};
