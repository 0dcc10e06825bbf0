/** Red, green, blue, each 0..1. */
export type Colour = readonly [number, number, number];

/** A square picture: `size × size × 3` numbers 0..1, row by row, RGB interleaved. */
export type Picture = { readonly size: number; readonly data: Float32Array };

/** An area in pixels: signed distance to its edge (negative inside), and a box that holds it. */
export type Shape = {
  readonly distance: (x: number, y: number) => number;
  readonly bounds: readonly [left: number, top: number, right: number, bottom: number];
};

/** The colour of a point, in pixels. */
export type Paint = (x: number, y: number) => Colour;

/** How a shape is filled. */
export type Fill = {
  /** @default 1 */
  readonly opacity?: number;
  /** How much darker the edge is than the middle, 0..1, as on a round body. @default 0 */
  readonly shade?: number;
  /** Width of the transition at the edge, pixels. @default 1 */
  readonly softness?: number;
};

export const createPicture = (size: number, paint: Paint): Picture => {
  const picture = { size, data: new Float32Array(size * size * 3) };
  const everywhere: Shape = { distance: () => -size, bounds: [0, 0, size, size] };
  fillShape(picture, everywhere, paint);
  return picture;
};

const clamp = (value: number): number => Math.min(1, Math.max(0, value));

export const mix = (from: Colour, to: Colour, share: number): Colour => [
  from[0] + (to[0] - from[0]) * share,
  from[1] + (to[1] - from[1]) * share,
  from[2] + (to[2] - from[2]) * share,
];

export const brighten = (colour: Colour, factor: number): Colour => [
  colour[0] * factor,
  colour[1] * factor,
  colour[2] * factor,
];

/** Draws a shape over the picture, antialiased. */
export const fillShape = (
  picture: Picture,
  { distance, bounds }: Shape,
  paint: Paint,
  { opacity = 1, shade = 0, softness = 1 }: Fill = {},
): void => {
  const { size, data } = picture;
  const [left, top, right, bottom] = bounds;
  const depth = Math.min(right - left, bottom - top) / 2.5;
  const lastRow = Math.min(size - 1, Math.ceil(bottom + softness));
  const lastColumn = Math.min(size - 1, Math.ceil(right + softness));
  for (let y = Math.max(0, Math.floor(top - softness)); y <= lastRow; y++) {
    for (let x = Math.max(0, Math.floor(left - softness)); x <= lastColumn; x++) {
      const d = distance(x + 0.5, y + 0.5);
      const cover = clamp(0.5 - d / softness) * opacity;
      if (cover === 0) continue;
      const colour = paint(x, y);
      const light = 1 - shade * clamp(1 + d / depth) ** 2;
      const at = (y * size + x) * 3;
      const keep = 1 - cover;
      const add = light * cover;
      data[at] = (data[at] as number) * keep + colour[0] * add;
      data[at + 1] = (data[at + 1] as number) * keep + colour[1] * add;
      data[at + 2] = (data[at + 2] as number) * keep + colour[2] * add;
    }
  }
};

/** The picture as bytes, RGB interleaved. */
export const toBytes = ({ data }: Picture): Uint8Array => {
  const bytes = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i++) bytes[i] = Math.round(clamp(data[i] as number) * 255);
  return bytes;
};
