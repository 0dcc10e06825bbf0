import type { Random } from "../random.ts";
import { ellipse, type Frame } from "./frame.ts";
import { createNoise } from "./noise.ts";
import { brighten, type Colour, createPicture, fillShape, mix, type Picture } from "./raster.ts";

const WALLS: readonly Colour[] = [
  [0.82, 0.79, 0.72],
  [0.62, 0.68, 0.72],
  [0.55, 0.5, 0.45],
  [0.7, 0.62, 0.55],
  [0.35, 0.38, 0.42],
  [0.6, 0.74, 0.85],
];
const FLOORS: readonly Colour[] = [
  [0.55, 0.4, 0.27],
  [0.38, 0.52, 0.25],
  [0.66, 0.63, 0.6],
  [0.5, 0.3, 0.28],
  [0.42, 0.42, 0.5],
];

/** A room or a meadow, out of focus: a wall or sky, a floor or grass, a few blurred things. */
export const drawBackground = (size: number, random: Random): Picture => {
  const [wall, floor] = [random.pick(WALLS), random.pick(FLOORS)];
  const horizon = random.between(0.45, 0.8) * size;
  const noise = createNoise(random);
  const grain = random.between(0.1, 0.45);
  const light = random.between(0.85, 1.1);
  const picture = createPicture(size, (x, y) => {
    const blend = Math.min(1, Math.max(0, (y - horizon) / 6 + 0.5));
    const fine = noise(x / 3, y / 5) * 0.5 + noise(x / 24 + 31, y / 24 + 17) * 0.5;
    return brighten(mix(wall, floor, blend), light * (1 - grain / 2 + grain * fine));
  });
  const frame: Frame = { x: 0, y: 0, scale: size, rotation: 0, flip: 1 };
  const things = Math.floor(random.between(0, 5));
  for (let i = 0; i < things; i++) {
    const colour = random.pick([...WALLS, ...FLOORS]);
    const at = [random.next(), random.between(0.1, 0.9)] as const;
    const radii = [random.between(0.08, 0.3), random.between(0.08, 0.3)] as const;
    const thing = ellipse(frame, at, radii, random.between(0, 3));
    fillShape(picture, thing, () => colour, { softness: 14, opacity: 0.7, shade: 0.3 });
  }
  return picture;
};
