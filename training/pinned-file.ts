import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { digestOf } from "../model/digest.ts";
import { writeFileAtomic } from "../model/write-atomic.ts";
import { cacheDirectory } from "./cache-directory.ts";
import { UserError } from "./user-error.ts";

/** What is to be had of a file whose bytes are pinned. */
type PinnedFile = {
  /** @throws UserError when the bytes are not the pinned ones */
  readonly verify: (bytes: Uint8Array, origin: string) => Uint8Array;
  /** Reads it where somebody put it. @throws UserError when it is missing or not the pinned one */
  readonly read: (path: string) => Promise<Uint8Array>;
  /**
   * Takes it out of the cache, or makes it. A damaged cache file is made again.
   *
   * @param cache directory @default cacheDirectory()
   * @throws UserError when it cannot be made
   */
  readonly obtain: (cache?: string) => Promise<Uint8Array>;
};

const readIfThere = async (path: string): Promise<Uint8Array | undefined> => {
  try {
    return await readFile(path);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
};

/**
 * A file that is downloaded and converted, and whose result is known beforehand.
 *
 * @param file.kind in words, which also names its command in training/cli and its folder in the cache
 */
export const createPinnedFile = (file: {
  readonly kind: string;
  readonly name: string;
  /** Of the converted bytes. */
  readonly digest: string;
  readonly make: () => Promise<Uint8Array>;
}): PinnedFile => {
  const { kind, name, digest: pinned, make } = file;
  const command = `node training/cli/${kind}.ts --out`;
  const verify = (bytes: Uint8Array, origin: string): Uint8Array => {
    const digest = digestOf(bytes);
    if (digest === pinned) return bytes;
    throw new UserError(
      `${origin} is not the pinned ${kind} (${digest} instead of ${pinned}); make it again with ${command} FILE.`,
    );
  };
  return {
    verify,
    read: async (path) => {
      const bytes = await readIfThere(path);
      if (!bytes) {
        throw new UserError(`the ${kind} ${path} is missing; make it with ${command} ${path}.`);
      }
      return verify(bytes, path);
    },
    obtain: async (cache = cacheDirectory()) => {
      const path = join(cache, kind, `${name}.onnx`);
      const cached = await readIfThere(path);
      if (cached && digestOf(cached) === pinned) return cached;
      const verified = verify(await make(), `the converted ${kind}`);
      await writeFileAtomic(path, verified);
      return verified;
    },
  };
};
