import { randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { hostname, userInfo } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { EngineError } from "../engine-error.ts";
import type { StackReference } from "./checkpoint.ts";

const lockSchema = z.looseObject({
  pid: z.number(),
  username: z.string(),
  hostname: z.string(),
  timestamp: z.string(),
  /** When the process started, in the kernel's ticks: tells a process from a later one of the same number. */
  started: z.string().optional(),
});
type Lock = z.infer<typeof lockSchema>;

/** State letter and start time of a process; undefined where the kernel does not say. */
const readProcess = async (
  pid: number,
): Promise<{ readonly state: string; readonly started: string } | undefined> => {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    // The command's name, in brackets, may itself contain spaces: fields count from the last bracket.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return { state: fields[0] ?? "", started: fields[19] ?? "" };
  } catch {
    return undefined;
  }
};

const isAlive = async (lock: Lock): Promise<boolean> => {
  if (lock.hostname !== hostname()) return true;
  try {
    process.kill(lock.pid, 0);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ESRCH") return false;
  }
  const found = await readProcess(lock.pid);
  if (found === undefined) return true;
  return found.state !== "Z" && (lock.started === undefined || lock.started === found.started);
};

const readLock = async (path: string): Promise<Lock | undefined> => {
  try {
    return lockSchema.parse(JSON.parse(await readFile(path, "utf8")));
  } catch {
    // Gone since the folder was listed, or half written by a CLI or an older version that died: neither holds the stack.
    return undefined;
  }
};

const others = async (directory: string, own: string): Promise<readonly string[]> =>
  (await readdir(directory))
    .filter((name) => name.endsWith(".json") && name !== own)
    .map((name) => join(directory, name));

const checkForOthers = async (directory: string, own: string): Promise<void> => {
  for (const path of await others(directory, own)) {
    const lock = await readLock(path);
    if (lock !== undefined && (await isAlive(lock))) {
      throw new EngineError(
        `the stack is locked by ${lock.username}@${lock.hostname} (pid ${lock.pid}) since ${lock.timestamp}; wait until that operation ends, or remove ${path} if it no longer runs.`,
      );
    }
    await rm(path, { force: true });
  }
};

/**
 * Takes the stack's lock, in the place and form of Pulumi's file backend, so that the real CLI respects it too. The
 * lock of a process that no longer runs is taken over.
 *
 * @returns the function that releases it
 * @throws EngineError when another operation holds it
 */
export const acquireLock = async (reference: StackReference): Promise<() => Promise<void>> => {
  const { backendDirectory, project, stack } = reference;
  const directory = join(backendDirectory, ".pulumi", "locks", "organization", project, stack);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const name = `${randomUUID()}.json`;
  const path = join(directory, name);
  const release = (): Promise<void> => rm(path, { force: true });

  await checkForOthers(directory, name);
  const lock: Lock = {
    pid: process.pid,
    username: userInfo().username,
    hostname: hostname(),
    timestamp: new Date().toISOString(),
    started: (await readProcess(process.pid))?.started,
  };
  // Beside the folder, of which the Pulumi CLI reads every file.
  const temporary = `${directory}.${name}`;
  try {
    // Whole from the start: another one takes a file that it cannot read for that of a process that died over it.
    await writeFile(temporary, JSON.stringify(lock));
    await rename(temporary, path);
    // Two that wrote at the same moment both see each other here, and both give way.
    await checkForOthers(directory, name);
  } catch (error) {
    await rm(temporary, { force: true });
    await release();
    throw error;
  }
  return release;
};
