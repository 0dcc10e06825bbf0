import { createHash } from "node:crypto";
import { appendFile, mkdir, readFile, truncate } from "node:fs/promises";
import { dirname } from "node:path";
import { crc32 } from "node:zlib";

/** Embeddings by key, kept in one file. */
export type FeatureCache = {
  get(key: string): Float32Array | undefined;
  /** Adds embeddings and appends them to the file. */
  add(entries: readonly (readonly [key: string, values: Float32Array])[]): Promise<void>;
};

/** A record: SHA-256 of the key, the numbers (little-endian), CRC-32 of both. */
const KEY_BYTES = 32;
const CRC_BYTES = 4;

const hash = (key: string): string => createHash("sha256").update(key).digest("hex");

/**
 * Opens a file of embeddings, each of `width` numbers. Records that a crash left torn or damaged are dropped.
 *
 * @param path the file; its name must stand for everything but the key that decides the numbers
 */
export const openFeatureCache = async (path: string, width: number): Promise<FeatureCache> => {
  const size = KEY_BYTES + width * 4 + CRC_BYTES;
  await mkdir(dirname(path), { recursive: true });
  const file = await readFile(path).catch(() => Buffer.alloc(0));
  const whole = file.length - (file.length % size);
  // A torn record at the end would shift every record that is appended after it.
  if (whole < file.length) await truncate(path, whole);

  const known = new Map<string, Float32Array>();
  for (let at = 0; at < whole; at += size) {
    const body = file.subarray(at, at + size - CRC_BYTES);
    if (crc32(body) !== file.readUInt32LE(at + size - CRC_BYTES)) continue;
    const values = new Float32Array(width);
    for (let i = 0; i < width; i++) values[i] = body.readFloatLE(KEY_BYTES + i * 4);
    known.set(body.toString("hex", 0, KEY_BYTES), values);
  }

  const encode = (key: string, values: Float32Array): Buffer => {
    const record = Buffer.alloc(size);
    record.write(key, 0, "hex");
    values.forEach((value, i) => {
      record.writeFloatLE(value, KEY_BYTES + i * 4);
    });
    record.writeUInt32LE(crc32(record.subarray(0, size - CRC_BYTES)), size - CRC_BYTES);
    return record;
  };
  return {
    get: (key) => known.get(hash(key)),
    add: async (entries) => {
      const hashed = entries.map(([key, values]) => [hash(key), values] as const);
      await appendFile(path, Buffer.concat(hashed.map(([key, values]) => encode(key, values))));
      for (const [key, values] of hashed) known.set(key, values);
    },
  };
};
