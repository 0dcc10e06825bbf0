import sharp from "sharp";
import type { Mask, Picture } from "./picture.ts";
import type { Background } from "./vocabulary.ts";

/** Levels of zlib: beyond it, photos take twice as long for a few per cent less. */
const COMPRESSION = 3;

/** RGBA; where there is no foreground at all, nothing is left of the background's colours. */
const cutOut = (data: Uint8Array, alpha: Float32Array): Uint8Array => {
  const pixels = new Uint8Array(4 * alpha.length);
  for (let i = 0, from = 0, to = 0; i < alpha.length; i++, from += 3, to += 4) {
    const opacity = Math.round(255 * (alpha[i] as number));
    if (opacity === 0) continue;
    pixels[to] = data[from] as number;
    pixels[to + 1] = data[from + 1] as number;
    pixels[to + 2] = data[from + 2] as number;
    pixels[to + 3] = opacity;
  }
  return pixels;
};

/** RGB, mixed with white. */
const putOnWhite = (data: Uint8Array, alpha: Float32Array): Uint8Array => {
  const pixels = new Uint8Array(3 * alpha.length);
  for (let i = 0, at = 0; i < alpha.length; i++, at += 3) {
    const share = alpha[i] as number;
    const ground = 255 * (1 - share);
    pixels[at] = (data[at] as number) * share + ground;
    pixels[at + 1] = (data[at + 1] as number) * share + ground;
    pixels[at + 2] = (data[at + 2] as number) * share + ground;
  }
  return pixels;
};

/**
 * Writes a picture as PNG, without any metadata. Where there is no foreground at all, nothing of the background is left
 * in the file, visible or not.
 *
 * @param mask the foreground; without one the picture is written as it is
 */
export const writePicture = async (
  picture: Picture,
  mask: Mask | undefined,
  background: Background,
): Promise<Uint8Array<ArrayBuffer>> => {
  const { width, height, data } = picture;
  const transparent = mask !== undefined && background === "transparent";
  const write = transparent ? cutOut : putOnWhite;
  const pixels = mask ? write(data, mask.data) : data;
  const png = await sharp(pixels, { raw: { width, height, channels: transparent ? 4 : 3 } })
    .png({ compressionLevel: COMPRESSION })
    .toBuffer();
  // Memory of its own, so that it can be handed to another thread.
  return new Uint8Array(png);
};
