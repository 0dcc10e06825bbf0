import type { Random } from "../random.ts";
import { createInverse, type Frame } from "./frame.ts";
import { createNoise } from "./noise.ts";
import { brighten, type Colour, mix, type Paint } from "./raster.ts";

/** The fur of one animal. */
export type Coat = {
  readonly base: Colour;
  /** Ears, tail and limbs of coats whose ends differ. */
  readonly ends: Colour;
  /** Chest and muzzle. */
  readonly light: Colour;
  /** How the fur of a body part that lies in this frame looks. */
  readonly paint: (frame: Frame, colour: Colour) => Paint;
};

type Pattern = "solid" | "stripes" | "patches" | "spots";

const WHITE: Colour = [0.93, 0.92, 0.89];
const BLACK: Colour = [0.12, 0.11, 0.11];

const CAT_COLOURS: readonly Colour[] = [
  [0.8, 0.52, 0.26],
  [0.55, 0.55, 0.57],
  [0.52, 0.42, 0.32],
  [0.45, 0.4, 0.36],
  [0.86, 0.78, 0.66],
  BLACK,
  WHITE,
];
const DOG_COLOURS: readonly Colour[] = [
  [0.78, 0.58, 0.34],
  [0.85, 0.72, 0.5],
  [0.42, 0.27, 0.17],
  [0.6, 0.38, 0.2],
  [0.5, 0.48, 0.47],
  BLACK,
  WHITE,
];
const PATTERNS: Readonly<Record<"cat" | "dog", readonly Pattern[]>> = {
  cat: ["stripes", "stripes", "stripes", "solid", "patches"],
  dog: ["solid", "solid", "solid", "patches", "spots"],
};

/** A coat that such an animal may have: colours, pattern, fur. */
export const createCoat = (random: Random, animal: "cat" | "dog"): Coat => {
  const base = brighten(
    random.pick(animal === "cat" ? CAT_COLOURS : DOG_COLOURS),
    random.between(0.85, 1.1),
  );
  const pattern = random.pick(PATTERNS[animal]);
  const dark = base[0] < 0.2;
  const second = dark ? WHITE : random.pick([brighten(base, 0.45), BLACK, WHITE]);
  const stripe = dark ? brighten(base, 1.6) : brighten(base, random.between(0.4, 0.65));
  const noise = createNoise(random);
  const bands = random.between(8, 13);
  const patchSize = random.between(2, 4);

  const patterned = (x: number, y: number, colour: Colour): Colour => {
    switch (pattern) {
      case "solid":
        return colour;
      case "stripes": {
        const wave = Math.sin((x + 0.25 * noise(x * 3 + 9, y * 3)) * bands * Math.PI);
        return wave > 0.25 ? mix(colour, stripe, Math.min(1, (wave - 0.25) * 3)) : colour;
      }
      case "patches":
        return noise(x * patchSize + 20, y * patchSize + 20) > 0.55 ? second : colour;
      case "spots":
        return noise(x * 9 + 40, y * 9 + 40) > 0.74 ? second : colour;
    }
  };
  return {
    base,
    ends: animal === "cat" && random.chance(0.2) ? brighten(base, 0.4) : base,
    light: random.chance(0.5) ? mix(base, WHITE, random.between(0.4, 0.95)) : base,
    paint: (frame, colour) => {
      const fromPicture = createInverse(frame);
      return function fur(px, py) {
        const [x, y] = fromPicture(px, py);
        // Fine noise, drawn out along the body's length.
        const strand = 0.8 + 0.4 * noise(x * 26, y * 60) * (0.6 + 0.4 * noise(x * 70 + 5, y * 24));
        return brighten(patterned(x, y, colour), strand);
      };
    },
  };
};
