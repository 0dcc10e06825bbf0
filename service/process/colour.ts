import type { Mask, Picture } from "./picture.ts";

/** A colour in CIE Lab (D65): differences are roughly what people see. */
type Lab = readonly [lightness: number, a: number, b: number];

/** What shoppers call colours, each with some of its shades as sRGB. The name of the nearest shade wins. */
const SHADES: Readonly<Record<string, readonly number[]>> = {
  black: [0x000000, 0x1c1c1c],
  gray: [0x505050, 0x808080, 0xa9a9a9],
  white: [0xffffff, 0xe6e6e6],
  red: [0xd01c1c, 0xff0000, 0x8b1010],
  orange: [0xff8c00, 0xe8702a],
  brown: [0x5c3a21, 0x7b4a24, 0x3b2314, 0x96693f],
  beige: [0xd8c3a5, 0xf0e2c8, 0xb89b78],
  yellow: [0xffd800, 0xf5e663, 0xd4af37],
  green: [0x1f8a34, 0x00ff00, 0x14532d, 0x7bb661, 0x6b7a2a],
  teal: [0x008080, 0x40c8c0],
  blue: [0x1f5fd0, 0x0000ff, 0x6fa8dc, 0x4a6f95],
  navy: [0x14213d, 0x000060],
  purple: [0x6a2c91, 0x9b59b6, 0x8000ff],
  pink: [0xff69b4, 0xf7b6c8, 0xe0218a],
};

const CLUSTERS = 5;
const ROUNDS = 8;
const SAMPLES = 2000;
/** How surely a pixel must be foreground. Edges mix its colour with what lies behind it, but something thin is all edge. */
const SURENESS = [0.9, 0.5] as const;

const LINEAR = Float64Array.from({ length: 256 }, (_, value) => {
  const v = value / 255;
  return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
});

/** sRGB bytes to CIE Lab with the white of D65 (IEC 61966-2-1, CIE 15). */
export const toLab = (red: number, green: number, blue: number): Lab => {
  const [r, g, b] = [LINEAR[red], LINEAR[green], LINEAR[blue]] as [number, number, number];
  const f = (t: number): number => (t > 216 / 24389 ? Math.cbrt(t) : ((24389 / 27) * t + 16) / 116);
  const x = f((0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047);
  const y = f(0.2126729 * r + 0.7151522 * g + 0.072175 * b);
  const z = f((0.0193339 * r + 0.119192 * g + 0.9503041 * b) / 1.08883);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
};

const squaredDistance = (p: Lab, q: Lab): number =>
  (p[0] - q[0]) ** 2 + (p[1] - q[1]) ** 2 + (p[2] - q[2]) ** 2;

const nearest = (points: readonly Lab[], to: Lab): { index: number; squared: number } => {
  let best = { index: 0, squared: Number.POSITIVE_INFINITY };
  for (const [index, point] of points.entries()) {
    const squared = squaredDistance(point, to);
    if (squared < best.squared) best = { index, squared };
  }
  return best;
};

const meanOf = (points: readonly Lab[]): Lab => {
  const sum = [0, 0, 0] as [number, number, number];
  for (const [l, a, b] of points) {
    sum[0] += l;
    sum[1] += a;
    sum[2] += b;
  }
  return [sum[0] / points.length, sum[1] / points.length, sum[2] / points.length];
};

/** k-means (Lloyd) from the mean and the points farthest from all before: the same points give the same clusters. */
const cluster = (points: readonly Lab[]): Lab[][] => {
  let centres: Lab[] = [meanOf(points)];
  while (centres.length < CLUSTERS) {
    let farthest = { squared: 0, point: points[0] as Lab };
    for (const point of points) {
      const { squared } = nearest(centres, point);
      if (squared > farthest.squared) farthest = { squared, point };
    }
    if (farthest.squared === 0) break;
    centres.push(farthest.point);
  }
  let groups: Lab[][] = [];
  for (let round = 0; round < ROUNDS; round++) {
    groups = centres.map(() => []);
    for (const point of points) groups[nearest(centres, point).index]?.push(point);
    groups = groups.filter((group) => group.length > 0);
    centres = groups.map(meanOf);
  }
  return groups;
};

const NAMED = Object.entries(SHADES).flatMap(([name, shades]) =>
  shades.map((rgb) => ({ name, lab: toLab(rgb >> 16, (rgb >> 8) & 255, rgb & 255) })),
);

/** The name of a colour. */
export const nameColour = (colour: Lab): string =>
  NAMED[
    nearest(
      NAMED.map(({ lab }) => lab),
      colour,
    ).index
  ]?.name ?? "gray";

/** The pixels whose colour counts, by number: the foreground's, or all where there is none. */
const pixelsOf = (count: number, mask: Mask | undefined): number[] => {
  const all = Array.from({ length: count }, (_, i) => i);
  if (!mask) return all;
  for (const least of SURENESS) {
    const sure = all.filter((i) => (mask.data[i] as number) >= least);
    if (sure.length > 0) return sure;
  }
  return all;
};

/** The colour of most of a picture's foreground, and its share of it. */
export type DominantColour = { readonly name: string; readonly share: number };

/**
 * The colour that covers most of the foreground: pixels are clustered, and clusters of one name belong together.
 *
 * @param mask the foreground; without one, or with nothing in it, everything counts
 */
export const dominantColour = ({ data }: Picture, mask: Mask | undefined): DominantColour => {
  const pixels = pixelsOf(data.length / 3, mask);
  // Looked at in steps that leave as many as are wanted.
  const step = Math.max(1, Math.floor(pixels.length / SAMPLES));
  const points: Lab[] = [];
  for (let seen = 0; seen < pixels.length; seen += step) {
    const at = 3 * (pixels[seen] as number);
    points.push(toLab(data[at] as number, data[at + 1] as number, data[at + 2] as number));
  }
  const shares = new Map<string, number>();
  for (const group of cluster(points)) {
    const name = nameColour(meanOf(group));
    shares.set(name, (shares.get(name) ?? 0) + group.length / points.length);
  }
  const [[name, share]] = [...shares].sort(([, a], [, b]) => b - a) as [[string, number]];
  return { name, share };
};
