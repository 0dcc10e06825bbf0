import { ImageError } from "./image-error.ts";

/** The media types that are decoded; everything else is refused before a decoder sees it. */
export const IMAGE_TYPES = ["image/jpeg", "image/png", "image/webp"] as const;
export type ImageType = (typeof IMAGE_TYPES)[number];

const PNG_SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

const sniff = (bytes: Buffer): ImageType | undefined => {
  if (bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff) return "image/jpeg";
  if (bytes.subarray(0, 8).equals(PNG_SIGNATURE)) return "image/png";
  if (bytes.toString("latin1", 0, 4) === "RIFF" && bytes.toString("latin1", 8, 12) === "WEBP") {
    return "image/webp";
  }
  return undefined;
};

/**
 * The media type by the file's first bytes: neither a file name nor a Content-Type header is believed.
 *
 * @throws ImageError `empty` or `unsupported-type`
 */
export const detectImageType = (bytes: Uint8Array): ImageType => {
  if (bytes.byteLength === 0) throw new ImageError("empty", "The image is empty; send its bytes.");
  const type = sniff(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  if (type) return type;
  throw new ImageError(
    "unsupported-type",
    "The data is not a JPEG, PNG or WebP image; convert it to one of these.",
  );
};
