import { randomUUID } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Writes a file so that a reader, or a power cut, sees the old content or the new and nothing between.
 *
 * @param mode who may read it, whatever held for the old content
 */
export const writeFileAtomic = async (
  path: string,
  data: Uint8Array | string,
  mode = 0o644,
): Promise<void> => {
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
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    // A full disk's error does not say which file it was.
    if (error instanceof Error && !("path" in error)) Object.assign(error, { path });
    throw error;
  }
};
