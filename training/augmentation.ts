import { cutSquare, openImage, runImage } from "../model/preprocessing.ts";
import type { Preprocessing } from "../model/preprocessing-settings.ts";
import type { Random } from "./random.ts";

/** Smallest share of the picture's side that a random crop keeps. */
const SMALLEST_CROP = 0.75;

/**
 * Decodes a picture in another way than `decodePixels`, for training only: a random crop, perhaps mirrored, with other
 * brightness, saturation and hue.
 *
 * @returns `inputSize × inputSize × 3` bytes, as `decodePixels` does
 * @throws ImageError
 */
export const decodeAugmented = async (
  bytes: Uint8Array,
  { inputSize, resizeTo, kernel }: Preprocessing,
  random: Random,
): Promise<Uint8Array> => {
  // The largest scale keeps all of the square, the smallest three quarters of it.
  const scaled = Math.round(resizeTo / random.between(SMALLEST_CROP, 1.1));
  const side = Math.max(inputSize, scaled);
  const room = side - inputSize;
  const [left, top] = [Math.floor(random.between(0, room)), Math.floor(random.between(0, room))];
  const mirrored = random.chance(0.5);
  const colour = {
    brightness: random.between(0.8, 1.2),
    saturation: random.between(0.8, 1.2),
    hue: Math.round(random.between(-8, 8)),
  };
  const pixels = await runImage(
    openImage(bytes)
      .resize(side, side, { fit: "cover", kernel })
      .flop(mirrored)
      .modulate(colour)
      .raw({ depth: "uchar" })
      .toBuffer(),
  );
  return cutSquare(pixels, side, { left, top, size: inputSize });
};
