import type { Random } from "../random.ts";
import type { Coat } from "./coat.ts";
import { curve, ellipse, type Frame, polygon, stroke } from "./frame.ts";
import { brighten, type Colour, fillShape, type Picture } from "./raster.ts";

const TONGUE: Colour = [0.86, 0.42, 0.45];
const INK: Colour = [0.06, 0.05, 0.05];
const EYE: Colour = [0.26, 0.15, 0.08];

/** A dog's head about the frame's origin, two units wide: long muzzle, large nose, hanging or pricked ears, a tongue. */
export const drawDogHead = (
  picture: Picture,
  frame: Frame,
  { coat, random }: { readonly coat: Coat; readonly random: Random },
): void => {
  const wide = random.between(0.74, 0.88);
  const muzzle = random.between(0.42, 0.54);
  const length = random.between(0.62, 0.82);
  const hanging = random.chance(0.75);
  const earColour = random.chance(0.4) ? brighten(coat.ends, 0.6) : coat.ends;
  const ears = (): void => {
    for (const side of [-1, 1]) {
      const shape = hanging
        ? stroke(
            frame,
            curve([side * 0.62, -0.62], [side * 1.2, -0.5], [side * 1.0, random.between(0.3, 0.7)]),
            [0.2, 0.3],
          )
        : polygon(
            frame,
            [
              [side * 0.82, -0.35],
              [side * 0.74, -1.35],
              [side * 0.16, -0.7],
            ],
            0.1,
          );
      fillShape(picture, shape, coat.paint(frame, earColour), { shade: 0.35, softness: 2 });
    }
  };
  const fur = coat.paint(frame, coat.base);
  const muzzleFur = coat.paint(frame, coat.light);

  if (!hanging) ears();
  fillShape(picture, ellipse(frame, [0, -0.15], [wide, 0.82]), fur, { shade: 0.35, softness: 2 });
  fillShape(picture, ellipse(frame, [0, 0.3], [wide * 0.82, 0.6]), fur, {
    shade: 0.3,
    softness: 4,
  });
  if (hanging) ears();

  if (random.chance(0.5)) {
    const blaze = ellipse(frame, [0, -0.25], [0.16, 0.6]);
    fillShape(picture, blaze, muzzleFur, { softness: 5 });
  }
  for (const side of [-1, 1]) {
    const eye = [side * 0.36, -0.22] as const;
    fillShape(picture, ellipse(frame, eye, [0.17, 0.15]), () => brighten(coat.base, 0.35), {
      softness: 4,
      opacity: 0.8,
    });
    fillShape(picture, ellipse(frame, eye, [0.125, 0.12]), () => EYE, { shade: 0.3 });
    fillShape(picture, ellipse(frame, eye, [0.07, 0.07]), () => INK);
    fillShape(picture, ellipse(frame, [eye[0] + 0.04, -0.26], [0.03, 0.03]), () => [1, 1, 1]);
    const brow = stroke(
      frame,
      curve([side * 0.22, -0.42], [side * 0.36, -0.5], [side * 0.52, -0.38]),
      [0.04, 0.02],
    );
    fillShape(picture, brow, () => brighten(coat.base, 0.5), { opacity: 0.5, softness: 3 });
  }

  if (random.chance(0.55)) {
    const tongue = stroke(
      frame,
      [
        [0.03, length + 0.05],
        [0.05, length + 0.42],
      ],
      [0.15, 0.17],
    );
    fillShape(picture, tongue, () => TONGUE, { shade: 0.35 });
  }
  const snout = ellipse(frame, [0, length * 0.72], [muzzle, length * 0.56]);
  fillShape(picture, snout, muzzleFur, { shade: 0.45, softness: 3 });
  for (const side of [-1, 1]) {
    const jowl = ellipse(frame, [side * 0.2, length * 0.92], [0.25, 0.26]);
    fillShape(picture, jowl, muzzleFur, { shade: 0.35, softness: 3 });
  }
  const noseAt = length * 0.5;
  fillShape(picture, ellipse(frame, [0, noseAt], [0.21, 0.15]), () => INK, { softness: 2 });
  fillShape(picture, ellipse(frame, [0, noseAt - 0.07], [0.1, 0.035]), () => [0.55, 0.55, 0.57], {
    softness: 3,
    opacity: 0.7,
  });
  fillShape(
    picture,
    stroke(
      frame,
      [
        [0, noseAt + 0.1],
        [0, length],
      ],
      [0.018, 0.018],
    ),
    () => INK,
  );
  for (const side of [-1, 1]) {
    const lip = curve([0, length], [side * 0.2, length + 0.18], [side * 0.42, length * 0.85]);
    fillShape(picture, stroke(frame, lip, [0.025, 0.012]), () => INK, { opacity: 0.85 });
  }
};
