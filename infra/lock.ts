import { randomUUID } from "node:crypto";
import { link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { identify, isAlive, type ProcessIdentity } from "./process-identity.ts";
import { UserError } from "./user-error.ts";

/** Who holds a lock: nobody, one that has died, or a living process. */
type Holder = "nobody" | "dead" | ProcessIdentity;

const readHolder = async (path: string): Promise<Holder> => {
  try {
    const holder = JSON.parse(await readFile(path, "utf8")) as ProcessIdentity;
    return isAlive(holder) ? holder : "dead";
  } catch (error) {
    // A lock file has its content from the start; where it is broken, the power failed before it was on the disk.
    if (error instanceof SyntaxError) return "dead";
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "nobody";
    throw error;
  }
};

const tryTake = async (path: string): Promise<boolean> => {
  // Not by the process's id alone: one process may wait for a lock in several places.
  const temporary = `${path}.${process.pid}.${randomUUID()}`;
  try {
    await writeFile(temporary, JSON.stringify(identify(process.pid)));
    await link(temporary, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
};

/**
 * Removes the file of a holder that died. One process at a time looks and removes, under a lock of its own: another that
 * looked earlier would remove the file of the next holder.
 */
const removeDead = (path: string): Promise<void> =>
  withLock(`${path}.takeover`, "wait", async () => {
    if ((await readHolder(path)) === "dead") await rm(path, { force: true });
  });

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
    if (holder === "dead") await removeDead(path);
    else if (holder !== "nobody" && whenHeld === "fail") {
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
