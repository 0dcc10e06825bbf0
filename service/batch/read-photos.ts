import { detectImageType } from "../../model/image-type.ts";
import { partsOf } from "../multipart.ts";
import { ProblemError } from "../problem.ts";
import type { Photo } from "./job.ts";

/** Name of the parts that hold the photos. */
const PART = "files";
/** What is kept of a file's name, which nobody bounds for us. */
const MAX_NAME_LENGTH = 200;

export type PhotoLimits = {
  /** Photos in a batch. */
  readonly maxFiles: number;
  /** Bytes of one photo. */
  readonly maxFileBytes: number;
};

const isImage = (bytes: Uint8Array): boolean => {
  try {
    detectImageType(bytes);
    return true;
  } catch {
    return false;
  }
};

/**
 * What is kept of a file's name, in memory of its own: a slice would keep the part's whole header alive, up to 16 KiB,
 * for as long as the job. Half a character at the cut becomes U+FFFD.
 */
const ownName = (filename: string): string =>
  Buffer.from(filename.slice(0, MAX_NAME_LENGTH)).toString();

/**
 * Cuts the photos out of a batch's body. Nothing is copied but their names. One that is no image gets an error of its own later, unless
 * all of them are none.
 *
 * @throws ProblemError `malformed-multipart`, `missing-part`, `too-many-parts`, `wrong-field`, `body-too-large` or
 *   `unsupported-type`
 */
export const readPhotos = (
  body: Uint8Array<ArrayBuffer>,
  contentType: string,
  { maxFiles, maxFileBytes }: PhotoLimits,
): readonly Photo[] => {
  const photos: Photo[] = [];
  for (const { name: field, filename, data } of partsOf(body, contentType)) {
    if (field !== PART) {
      throw new ProblemError(
        "wrong-field",
        `Part ${photos.length + 1} has another name; send each photo as "${PART}".`,
      );
    }
    if (photos.length === maxFiles) {
      throw new ProblemError(
        "too-many-parts",
        `The batch has more than ${maxFiles} photos; send several batches.`,
      );
    }
    if (data.length > maxFileBytes) {
      throw new ProblemError(
        "body-too-large",
        `Photo ${photos.length + 1} has more than ${maxFileBytes} bytes; send a smaller one.`,
      );
    }
    const name = filename ? ownName(filename) : `${photos.length + 1}`;
    photos.push({ name, bytes: data });
  }
  if (photos.some(({ bytes }) => isImage(bytes))) return photos;
  if (photos.length > 0) {
    throw new ProblemError(
      "unsupported-type",
      "No part is a JPEG, PNG or WebP image; send photos as they are.",
    );
  }
  throw new ProblemError("missing-part", `The body has no part; send the photos as "${PART}".`);
};
