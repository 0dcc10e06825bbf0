import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  NoSuchKey,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { checkKey, checkKeyOf, isCreatedKey, type Storage } from "./storage.ts";

export type S3Options = {
  readonly bucket: string;
  /** Begins every key; empty, or ends in a slash. */
  readonly prefix: string;
  /** A server that is not Amazon's. @default Amazon's of the region */
  readonly endpoint?: string | undefined;
  readonly region: string;
  /** Seconds for which a signed address opens. */
  readonly urlSeconds: number;
  readonly retentionSeconds: number;
};

const CONNECT_MS = 3000;
const REQUEST_MS = 15_000;

/**
 * A storage in a bucket of an S3-compatible server. Credentials come from where Amazon's SDK looks for them:
 * AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a file, or the pod's role.
 *
 * This module is imported only when a bucket is set: the SDK takes memory and time.
 */
export const createS3Storage = (options: S3Options): Storage => {
  const { bucket, prefix, endpoint, region, urlSeconds, retentionSeconds } = options;
  const client = new S3Client({
    region,
    // Other servers have one name for all buckets, and do not all know the newest checksums.
    ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      requestTimeout: REQUEST_MS,
      // Without it a late answer is a warning, and waited for all the same.
      throwOnRequestTimeout: true,
    },
  });
  const objectOf = (key: string) => ({ Bucket: bucket, Key: prefix + key });

  return {
    put: async (key, bytes, contentType, signal) => {
      checkKeyOf(key, contentType);
      const object = { ...objectOf(key), Body: bytes, ContentType: contentType };
      await client.send(new PutObjectCommand(object), signal ? { abortSignal: signal } : {});
      return `s3://${bucket}/${prefix}${key}`;
    },
    get: async (key) => {
      const contentType = checkKey(key);
      try {
        const { Body } = await client.send(new GetObjectCommand(objectOf(key)));
        const bytes = new Uint8Array((await Body?.transformToByteArray()) ?? []);
        return { bytes, contentType };
      } catch (error) {
        if (error instanceof NoSuchKey) return undefined;
        throw error;
      }
    },
    delete: async (key) => {
      checkKey(key);
      await client.send(new DeleteObjectCommand(objectOf(key)));
    },
    signedUrl: async (key) => {
      checkKey(key);
      return getSignedUrl(client, new GetObjectCommand(objectOf(key)), { expiresIn: urlSeconds });
    },
    sweep: async () => {
      const before = Date.now() - retentionSeconds * 1000;
      let swept = 0;
      let token: string | undefined;
      do {
        const page = await client.send(
          new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ContinuationToken: token }),
        );
        for (const { Key = "", LastModified } of page.Contents ?? []) {
          const own = isCreatedKey(Key.slice(prefix.length));
          if (!own || !LastModified || LastModified.getTime() >= before) continue;
          await client.send(new DeleteObjectCommand({ Bucket: bucket, Key }));
          swept += 1;
        }
        token = page.NextContinuationToken;
      } while (token !== undefined);
      return swept;
    },
  };
};
