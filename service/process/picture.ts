import sharp from "sharp";
import { openImage, readHeader, runImage } from "../../model/preprocessing.ts";

/** Pixels row by row, `channels` bytes each. */
export type Picture = {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
};

/** How sure it is that a pixel belongs to the foreground, row by row, 0..1. */
export type Mask = {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array;
};

/** A decoded photo. */
export type DecodedPhoto = {
  /** Size of the upload as it is looked at: turned as EXIF says, not scaled. */
  readonly width: number;
  readonly height: number;
  /** RGB, scaled down so that no side exceeds the limit. */
  readonly picture: Picture;
};

/** Decodes an untrusted photo. Nothing of its metadata is kept. @throws ImageError */
export const decodePhoto = async (bytes: Uint8Array, maxSide: number): Promise<DecodedPhoto> => {
  const image = openImage(bytes);
  const { autoOrient } = await readHeader(image);
  const { data, info } = await runImage(
    image
      .resize(maxSide, maxSide, { fit: "inside", withoutEnlargement: true })
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true }),
  );
  const picture = { width: info.width, height: info.height, data };
  return { width: autoOrient.width, height: autoOrient.height, picture };
};

/** Longest side of what everything but sharpness is seen at, pixels. */
const SMALL_SIDE = 256;

/** An RGB picture, scaled to exactly this size, whatever its shape. One of that size is given back itself. */
export const scale = async (
  picture: Picture,
  to: { readonly width: number; readonly height: number },
): Promise<Picture> => {
  const { width, height, data } = picture;
  if (to.width === width && to.height === height) return picture;
  const scaled = await sharp(data, { raw: { width, height, channels: 3 } })
    .resize(to.width, to.height, { fit: "fill", kernel: "linear" })
    .raw()
    .toBuffer();
  return { width: to.width, height: to.height, data: scaled };
};

/** The size with the same shape whose longest side is this, or the size itself when it is smaller. */
export const fitWithin = (
  { width, height }: { readonly width: number; readonly height: number },
  longest: number,
): { readonly width: number; readonly height: number } => {
  const factor = Math.min(1, longest / Math.max(width, height));
  const side = (length: number): number => Math.max(1, Math.round(length * factor));
  return { width: side(width), height: side(height) };
};

/** The picture as the networks, the edges of the foreground and its colours are found in it: of 256 pixels at most. */
export const shrink = (picture: Picture): Promise<Picture> =>
  scale(picture, fitWithin(picture, SMALL_SIDE));
