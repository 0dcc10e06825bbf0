import { mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "../../model/write-atomic.ts";
import type { PathSigner } from "./signed-path.ts";
import { checkKey, checkKeyOf, isCreatedKey, type Storage } from "./storage.ts";

export type LocalDirectoryOptions = {
  readonly directory: string;
  readonly retentionSeconds: number;
  readonly signer: PathSigner;
};

/** What a crash in the middle of a write adds to the key's name. */
const UNFINISHED = /\.[0-9a-f-]{36}\.tmp$/;

const isMissing = (error: unknown): boolean =>
  error instanceof Error && "code" in error && error.code === "ENOENT";

/** A storage in a directory of this machine, made when something is first put there. Nobody else reads or lists it. */
export const createLocalDirectory = (options: LocalDirectoryOptions): Storage => {
  const { directory, retentionSeconds, signer } = options;

  /** @returns whether it was old enough to go */
  const sweepOne = async (path: string, before: number): Promise<boolean> => {
    try {
      if ((await stat(path)).mtimeMs >= before) return false;
      await rm(path);
      return true;
    } catch (error) {
      // Another replica on the same volume was faster.
      if (isMissing(error)) return false;
      throw error;
    }
  };

  return {
    put: async (key, bytes, contentType) => {
      checkKeyOf(key, contentType);
      await mkdir(directory, { recursive: true, mode: 0o700 });
      // The directory may be there already, a mounted volume for one, and open to others.
      await writeFileAtomic(join(directory, key), bytes, 0o600);
      return `/outputs/${key}`;
    },
    get: async (key) => {
      const contentType = checkKey(key);
      try {
        return { bytes: new Uint8Array(await readFile(join(directory, key))), contentType };
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw error;
      }
    },
    delete: async (key) => {
      checkKey(key);
      await rm(join(directory, key), { force: true });
    },
    signedUrl: async (key) => {
      checkKey(key);
      return signer.sign(key);
    },
    sweep: async () => {
      const before = Date.now() - retentionSeconds * 1000;
      const names = await readdir(directory).catch((error: unknown) => {
        if (isMissing(error)) return [];
        throw error;
      });
      let swept = 0;
      for (const name of names) {
        if (!isCreatedKey(name.replace(UNFINISHED, ""))) continue;
        if (await sweepOne(join(directory, name), before)) swept += 1;
      }
      return swept;
    },
  };
};
