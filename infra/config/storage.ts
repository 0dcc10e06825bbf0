import { z } from "zod";
import { label, quantity, text, url, wholeNumber } from "./fields.ts";

/** After which an output is forgotten. */
const days = wholeNumber(1, 366).default(7);

/** Where outputs are kept that clients ask to keep (`/process`). */
export const storageSchema = z
  .discriminatedUnion(
    "kind",
    [
      /** Nowhere. */
      z.strictObject({ kind: z.literal("none") }),
      /** On a volume of the cluster. */
      z.strictObject({ kind: z.literal("volume"), size: quantity.default("5Gi"), days }),
      /** In a bucket of an S3-compatible server. */
      z.strictObject({
        kind: z.literal("s3"),
        bucket: text(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, "the name of a bucket"),
        /** Address of a server that is not Amazon's. */
        endpoint: url.optional(),
        region: text(/^[\w-]+$/, "a region such as us-east-1").default("us-east-1"),
        /** Begins the keys in the bucket. Not empty: the service takes an empty variable for one that is not set. */
        prefix: text(/^([\w.-]+\/)+$/, "a path that ends in a slash such as outputs/").default(
          "outputs/",
        ),
        /** Secret of yours in the service's namespace, with the keys AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. */
        secret: label,
        days,
      }),
    ],
    "kind none, volume or s3",
  )
  .prefault({ kind: "none" });
