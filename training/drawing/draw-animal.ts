import type { Random } from "../random.ts";
import { drawBackground } from "./background.ts";
import { type Build, drawBody, POSES } from "./body.ts";
import { drawCatHead } from "./cat-head.ts";
import { createCoat } from "./coat.ts";
import { drawDogHead } from "./dog-head.ts";
import { ellipse, type Frame } from "./frame.ts";
import { fillShape, type Picture, toBytes } from "./raster.ts";

/** What the generator can draw. */
export const ANIMALS = ["cat", "dog"] as const;
export type Animal = (typeof ANIMALS)[number];

/** Side of a drawn picture, pixels. */
export const DRAWING_SIZE = 256;

const createBuild = (random: Random, animal: Animal): Build =>
  animal === "cat"
    ? {
        leg: random.between(0.1, 0.14),
        height: random.between(0.5, 0.7),
        tail: [0.12, random.between(0.07, 0.11)],
        head: random.between(0.42, 0.52),
      }
    : {
        leg: random.between(0.12, 0.19),
        height: random.between(0.55, 1),
        tail: [0.14, random.between(0.04, 0.16)],
        head: random.between(0.44, 0.56),
      };

/** Paints an animal, its shadow, light and grain over a background of `DRAWING_SIZE`. */
export const paintAnimal = (picture: Picture, animal: Animal, random: Random): void => {
  const pose = random.pick(POSES);
  const coat = createCoat(random, animal);
  const build = createBuild(random, animal);
  const share = pose === "portrait" ? random.between(0.3, 0.42) : random.between(0.24, 0.31);
  const frame: Frame = {
    x: DRAWING_SIZE * random.between(0.44, 0.56),
    y: DRAWING_SIZE * random.between(0.46, 0.56),
    scale: DRAWING_SIZE * share,
    rotation: random.between(-0.1, 0.1),
    flip: random.chance(0.5) ? 1 : -1,
  };
  if (pose !== "portrait") {
    const ground = pose === "standing" ? 0.4 + build.height : 1.05;
    const shadow = ellipse(frame, [0, ground], [1.3, 0.2]);
    fillShape(picture, shadow, () => [0.05, 0.05, 0.06], { opacity: 0.4, softness: 12 });
  }
  const head = drawBody(picture, frame, pose, { coat, build, random });
  const drawHead = animal === "cat" ? drawCatHead : drawDogHead;
  drawHead(picture, head, { coat, random });

  const light = random.between(0.85, 1.15);
  const tint = [random.between(0.95, 1.05), 1, random.between(0.92, 1.05)] as const;
  const { data } = picture;
  for (let i = 0; i < data.length; i++) {
    const grain = (random.next() - 0.5) * 0.04;
    data[i] = (data[i] as number) * light * (tint[i % 3] as number) + grain;
  }
};

/**
 * Draws a cat or a dog in some pose, coat, size, light and place. The same stream draws the same pixels on any machine:
 * nothing but double-precision arithmetic is used.
 *
 * @returns `DRAWING_SIZE² × 3` bytes, RGB interleaved
 */
export const drawAnimal = (animal: Animal, random: Random): Uint8Array => {
  const picture = drawBackground(DRAWING_SIZE, random);
  paintAnimal(picture, animal, random);
  return toBytes(picture);
};
