import sharp from "sharp";
import type { Mask, Picture } from "./picture.ts";
import type { Background } from "./vocabulary.ts";

/** Levels of zlib: beyond it, photos take twice as long for a few per cent less. */
const COMPRESSION = 3;

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
  const channels = mask && background === "transparent" ? 4 : 3;
  let pixels = data;
  if (mask) {
    pixels = new Uint8Array(width * height * channels);
    for (let i = 0, from = 0, to = 0; i < width * height; i++, from += 3, to += channels) {
      const alpha = mask.data[i] as number;
      const ground = channels === 3 ? 255 * (1 - alpha) : 0;
      const share = channels === 3 ? alpha : Math.ceil(alpha);
      for (let c = 0; c < 3; c++) pixels[to + c] = (data[from + c] as number) * share + ground;
      if (channels === 4) pixels[to + 3] = Math.round(255 * alpha);
    }
  }
  const png = await sharp(pixels, { raw: { width, height, channels } })
    .png({ compressionLevel: COMPRESSION })
    .toBuffer();
  // Memory of its own, so that it can be handed to another thread.
  return new Uint8Array(png);
};
