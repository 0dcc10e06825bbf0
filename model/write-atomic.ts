import { randomUUID } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

/** Writes a file so that a reader, or a power cut, sees the old content or the new and nothing between. */
export const writeFileAtomic = async (path: string, data: Uint8Array | string): Promise<void> => {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    const file = await open(temporary, "w", 0o644);
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
