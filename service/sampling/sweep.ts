import { randomUUID } from "node:crypto";
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import pLimit from "p-limit";

/** How long and how much is kept. */
export type Retention = { readonly days: number; readonly megabytes: number };

const DAY_MS = 86_400_000;
/** What stays of a directory that was too large: a sweep down to the limit itself would be followed by one for each photo. */
const KEPT_SHARE = 0.9;
/** Files looked at at once: photos are read and decoded by the same few threads of the process. */
const LOOKS = 2;
/** What {@link sampleName} gives, with its ending, and with what a crash in the middle of a write leaves behind it. */
const SAMPLE = /^[\dT-]{19}\.\d{3}Z-[\da-f-]{36}\.(jpg|json)(\.[\da-f-]{36}\.tmp)?$/;

/** A name for a photo and what is known of it, without their endings. */
export const sampleName = (): string =>
  `${new Date().toISOString().replaceAll(":", "-")}-${randomUUID()}`;

type Found = { readonly path: string; readonly bytes: number; readonly modified: number };

const look = async (directory: string): Promise<Found[]> => {
  // Whatever else somebody has there is nobody's to remove.
  const names = (await readdir(directory)).filter((name) => SAMPLE.test(name));
  const found = await pLimit(LOOKS).map(names, async (name): Promise<Found[]> => {
    const path = join(directory, name);
    // Another replica may have removed it meanwhile.
    const stats = await stat(path).catch(() => undefined);
    return stats?.isFile() ? [{ path, bytes: stats.size, modified: stats.mtimeMs }] : [];
  });
  return found.flat().sort((a, b) => a.modified - b.modified);
};

/**
 * Removes the samples of a directory that are too old. When the others are too large, the oldest ones go, too, until a
 * tenth of the room is free.
 *
 * @returns their bytes that stay
 */
export const sweep = async (
  directory: string,
  { days, megabytes }: Retention,
  now = Date.now(),
): Promise<number> => {
  const files = await look(directory);
  let bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  let room = megabytes * 1e6;
  for (const file of files) {
    if (now - file.modified <= days * DAY_MS) {
      if (bytes <= room) break;
      room = KEPT_SHARE * megabytes * 1e6;
    }
    await rm(file.path, { force: true });
    bytes -= file.bytes;
  }
  return bytes;
};
