import { mkdir, readdir, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { hasUnifiedCgroups } from "./host.ts";
import { CGROUP } from "./layout.ts";

const ROOT = "/sys/fs/cgroup";

/** The directory of the node's cgroup in each hierarchy. */
const directories = async (): Promise<string[]> => {
  if (await hasUnifiedCgroups()) return [join(ROOT, CGROUP)];
  return (await readdir(ROOT)).map((controller) => join(ROOT, controller, CGROUP));
};

/** The kubelet does not create its root cgroup. */
export const ensureCgroup = async (): Promise<void> => {
  for (const directory of await directories()) await mkdir(directory, { recursive: true });
};

const removeTree = async (directory: string): Promise<void> => {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  for (const entry of entries)
    if (entry.isDirectory()) await removeTree(join(directory, entry.name));
  // Files of a cgroup vanish with it: only directories are removed, the innermost first.
  await rmdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
};

/** Removes the node's cgroup; the pods' processes must have ended. */
export const removeCgroup = async (): Promise<void> => {
  for (const directory of await directories()) await removeTree(directory);
};
