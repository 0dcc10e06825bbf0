import sharp from "sharp";
import { ANIMALS, DRAWING_SIZE, drawAnimal } from "../drawing/draw-animal.ts";
import { createRandom } from "../random.ts";
import type { Photo, Source } from "./source.ts";

/** Drawn pictures of a training without photos, unless told otherwise. */
export const DEFAULT_SAMPLE_COUNT = 400;

/** Draws the pictures' PNG files. Deflate stays off: compressors differ between processors, stored bytes do not. */
const drawPng = (
  animal: (typeof ANIMALS)[number],
  seed: number,
  index: number,
): Promise<Buffer> => {
  const pixels = drawAnimal(animal, createRandom("sample", seed, animal, index));
  const raw = { width: DRAWING_SIZE, height: DRAWING_SIZE, channels: 3 as const };
  return sharp(pixels, { raw }).png({ compressionLevel: 0, adaptiveFiltering: false }).toBuffer();
};

/**
 * Cats and dogs drawn by the project's own generator, half of each. The same seed gives the same bytes; a larger count
 * only adds pictures.
 */
export const openSample = ({
  seed,
  count,
}: {
  readonly seed: number;
  readonly count: number;
}): Source => {
  const photos = Array.from({ length: count }, (_, i): Photo => {
    const animal = ANIMALS[i % ANIMALS.length] as (typeof ANIMALS)[number];
    const index = Math.floor(i / ANIMALS.length);
    return {
      id: `${animal}.${index}.png`,
      label: animal,
      read: () => drawPng(animal, seed, index),
    };
  });
  return { name: "sample", photos, close: () => Promise.resolve() };
};
