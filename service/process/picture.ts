import sharp from "sharp";
import { ImageError } from "../../model/image-error.ts";
import { openImage, runImage } from "../../model/preprocessing.ts";

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
  const { autoOrient, pages = 1 } = await runImage(image.metadata());
  if (pages > 1) {
    throw new ImageError("animated", "The image is an animation; send one still picture.");
  }
  const { data, info } = await runImage(
    image
      .resize(maxSide, maxSide, { fit: "inside", withoutEnlargement: true })
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true }),
  );
  const picture = { width: info.width, height: info.height, data };
  return { width: autoOrient.width, height: autoOrient.height, picture };
};

/** Which part of a picture, in pixels. */
export type Region = {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
};

/** A part of an RGB picture, scaled to exactly this size, whatever its shape. A whole one of that size is given back itself. */
export const scale = async (
  picture: Picture,
  to: { readonly width: number; readonly height: number },
  region?: Region,
): Promise<Picture> => {
  const { width, height, data } = picture;
  if (!region && to.width === width && to.height === height) return picture;
  const scaled = await sharp(data, { raw: { width, height, channels: 3 } })
    .extract(region ?? { left: 0, top: 0, width, height })
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

/** For each of `to` places along an axis: the two of `from` that it lies between, and how far from the first. */
const between = (from: number, to: number) => {
  const [low, high, share] = [new Int32Array(to), new Int32Array(to), new Float32Array(to)];
  for (let i = 0; i < to; i++) {
    const place = Math.min(from - 1, Math.max(0, ((i + 0.5) * from) / to - 0.5));
    low[i] = Math.floor(place);
    high[i] = Math.min(from - 1, Math.floor(place) + 1);
    share[i] = place - Math.floor(place);
  }
  return { low, high, share };
};

/** A mask at another size, bilinear. Rows first: what is scaled up is mostly small. */
export const resizeMask = (
  mask: Mask,
  { width, height }: { readonly width: number; readonly height: number },
): Mask => {
  const [rows, columns] = [between(mask.height, height), between(mask.width, width)];
  const data = new Float32Array(width * height);
  const line = new Float32Array(mask.width);
  for (let y = 0, to = 0; y < height; y++) {
    const top = (rows.low[y] as number) * mask.width;
    const bottom = (rows.high[y] as number) * mask.width;
    const down = rows.share[y] as number;
    for (let x = 0; x < mask.width; x++) {
      const upper = mask.data[top + x] as number;
      line[x] = upper + down * ((mask.data[bottom + x] as number) - upper);
    }
    for (let x = 0; x < width; x++, to++) {
      const left = line[columns.low[x] as number] as number;
      const right = line[columns.high[x] as number] as number;
      data[to] = left + (columns.share[x] as number) * (right - left);
    }
  }
  return { width, height, data };
};
