import { randomBytes } from "node:crypto";
import type { Settings } from "../settings.ts";
import { createLocalDirectory } from "./local-directory.ts";
import { createPathSigner, type PathSigner } from "./signed-path.ts";
import type { Storage } from "./storage.ts";

/** The storage that the settings name. */
export type OpenedStorage = {
  readonly storage: Storage;
  /** Checks links into a directory of this machine; absent where another server does that. */
  readonly signer?: PathSigner;
};

/** Opens the storage; undefined when none is set up, and then nothing is kept. */
export const openStorage = async (settings: Settings): Promise<OpenedStorage | undefined> => {
  const { STORAGE_DIR: directory, STORAGE_S3_BUCKET: bucket } = settings;
  const { STORAGE_RETENTION: retentionSeconds, STORAGE_URL_TTL: urlSeconds } = settings;
  if (bucket !== undefined) {
    const { createS3Storage } = await import("./s3.ts");
    const storage = createS3Storage({
      ...{ bucket, urlSeconds, retentionSeconds },
      prefix: settings.STORAGE_S3_PREFIX,
      endpoint: settings.STORAGE_S3_ENDPOINT,
      region: settings.STORAGE_S3_REGION,
    });
    return { storage };
  }
  if (directory === undefined) return undefined;
  const signer = createPathSigner({
    // A secret that nobody set ends with the process, and so do its links.
    secret: settings.STORAGE_SIGNING_KEY ?? randomBytes(32),
    validSeconds: urlSeconds,
  });
  return { storage: createLocalDirectory({ directory, retentionSeconds, signer }), signer };
};
