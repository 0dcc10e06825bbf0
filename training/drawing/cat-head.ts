import type { Random } from "../random.ts";
import type { Coat } from "./coat.ts";
import { curve, ellipse, type Frame, polygon, stroke } from "./frame.ts";
import { brighten, type Colour, fillShape, type Picture } from "./raster.ts";

const PINK: Colour = [0.85, 0.58, 0.56];
const INK: Colour = [0.07, 0.06, 0.06];
const EYES: readonly Colour[] = [
  [0.78, 0.7, 0.2],
  [0.45, 0.66, 0.3],
  [0.4, 0.62, 0.82],
  [0.8, 0.5, 0.18],
];

/** A cat's head about the frame's origin, two units wide: upright ears, slit pupils, a small muzzle, whiskers. */
export const drawCatHead = (
  picture: Picture,
  frame: Frame,
  { coat, random }: { readonly coat: Coat; readonly random: Random },
): void => {
  const wide = random.between(0.95, 1.1);
  const tall = random.between(0.8, 0.92);
  const tip = random.between(1.2, 1.5);
  const fur = coat.paint(frame, coat.base);
  for (const side of [-1, 1]) {
    const ear = [
      [side * 0.95 * wide, -0.2],
      [side * 0.84 * wide, -tip],
      [side * 0.2, -0.68],
    ] as const;
    fillShape(picture, polygon(frame, ear, 0.06), coat.paint(frame, coat.ends), { shade: 0.2 });
    const inner = [
      [side * 0.8 * wide, -0.5],
      [side * 0.78 * wide, -tip + 0.25],
      [side * 0.42, -0.72],
    ] as const;
    fillShape(picture, polygon(frame, inner, 0.02), () => PINK, { opacity: 0.7, softness: 3 });
  }
  fillShape(picture, ellipse(frame, [0, 0], [wide, tall]), fur, { shade: 0.4, softness: 2 });
  for (const x of [-0.3, -0.1, 0.1, 0.3]) {
    // The tabby's M on the forehead.
    const mark = stroke(
      frame,
      curve([x, -0.72], [x * 0.9, -0.5], [x * 0.55, -0.36]),
      [0.045, 0.02],
    );
    fillShape(picture, mark, () => brighten(coat.base, 0.45), { opacity: 0.6, softness: 2 });
  }

  const iris = random.pick(EYES);
  const slit = random.between(0.05, 0.14);
  for (const side of [-1, 1]) {
    const eye = [side * 0.42, -0.1] as const;
    const slant = side * -0.25;
    fillShape(picture, ellipse(frame, eye, [0.27, 0.22], slant), () => INK);
    fillShape(picture, ellipse(frame, eye, [0.23, 0.185], slant), () => iris, { shade: 0.3 });
    fillShape(picture, ellipse(frame, eye, [slit, 0.18]), () => INK);
    fillShape(picture, ellipse(frame, [eye[0] + 0.07, -0.18], [0.05, 0.05]), () => [1, 1, 1]);
  }

  for (const side of [-1, 1]) {
    const pad = ellipse(frame, [side * 0.17, 0.42], [0.27, 0.2]);
    fillShape(picture, pad, coat.paint(frame, coat.light), { shade: 0.25, softness: 4 });
  }
  fillShape(picture, ellipse(frame, [0, 0.66], [0.22, 0.13]), coat.paint(frame, coat.light), {
    shade: 0.3,
    softness: 3,
  });
  const nose = [
    [-0.11, 0.2],
    [0.11, 0.2],
    [0, 0.31],
  ] as const;
  fillShape(picture, polygon(frame, nose, 0.03), () => PINK, { shade: 0.3 });
  for (const side of [-1, 1]) {
    const lip = curve([0, 0.33], [0.02 * side, 0.52], [0.26 * side, 0.5]);
    fillShape(picture, stroke(frame, lip, [0.02, 0.015]), () => INK, { opacity: 0.8 });
    for (const droop of [-0.12, 0.02, 0.16]) {
      const whisker = curve(
        [side * 0.28, 0.42 + droop / 2],
        [side * 0.8, 0.32 + droop],
        [side * 1.35, 0.42 + droop * 2.2],
      );
      fillShape(picture, stroke(frame, whisker, [0.013, 0.006]), () => [0.95, 0.95, 0.93], {
        opacity: 0.85,
      });
    }
  }
};
