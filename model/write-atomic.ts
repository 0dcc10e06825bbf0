import { randomUUID } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

/** Writes what a file is to hold beside it, on the disk for good. @returns the path of that */
const stage = async (path: string, data: Uint8Array | string, mode: number): Promise<string> => {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    const file = await open(temporary, "w", mode);
    try {
      await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }
    return temporary;
  } catch (error) {
    await rm(temporary, { force: true });
    // A full disk's error does not say which file it was.
    if (error instanceof Error && !("path" in error)) Object.assign(error, { path });
    throw error;
  }
};

/**
 * Writes files that belong together, in their order, so that a reader of each sees the old content or the new and nothing
 * between. None is replaced before all of them are on the disk.
 *
 * @param mode who may read them, whatever held for the old content
 */
export const writeFilesAtomic = async (
  files: readonly (readonly [path: string, data: Uint8Array | string])[],
  mode = 0o644,
): Promise<void> => {
  const staged: [temporary: string, path: string][] = [];
  try {
    for (const [path, data] of files) staged.push([await stage(path, data, mode), path]);
    for (const [temporary, path] of staged) await rename(temporary, path);
  } catch (error) {
    for (const [temporary] of staged) await rm(temporary, { force: true });
    throw error;
  }
};

/** The same for one file. */
export const writeFileAtomic = (
  path: string,
  data: Uint8Array | string,
  mode?: number,
): Promise<void> => writeFilesAtomic([[path, data]], mode);
