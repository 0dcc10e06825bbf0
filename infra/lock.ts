import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { identify, isAlive, type ProcessIdentity } from "./process-identity.ts";
import { UserError } from "./user-error.ts";

const readHolder = async (path: string): Promise<ProcessIdentity | undefined> => {
  try {
    return JSON.parse(await readFile(path, "utf8")) as ProcessIdentity;
  } catch {
    return undefined;
  }
};

const tryTake = async (path: string): Promise<boolean> => {
  try {
    await writeFile(path, JSON.stringify(identify(process.pid)), { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
};

/**
 * Runs work while a lock file names this process as its holder. A holder that died leaves its file: it is taken over.
 *
 * @param whenHeld `wait` until the lock is free, or `fail` at once
 * @throws UserError with `fail`, naming the holder
 */
export const withLock = async <T>(
  path: string,
  whenHeld: "wait" | "fail",
  work: () => Promise<T>,
): Promise<T> => {
  await mkdir(dirname(path), { recursive: true });
  while (!(await tryTake(path))) {
    const holder = await readHolder(path);
    // A file without content is being written at this moment.
    if (holder && !isAlive(holder)) await rm(path, { force: true });
    else if (holder && whenHeld === "fail") {
      throw new UserError(
        `Another command works on this stack (process ${holder.pid}); wait until it has ended and run again.`,
      );
    }
    await delay(100);
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
};
