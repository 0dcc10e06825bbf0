import type { Mask, Picture } from "./picture.ts";
import { bilinear, resizeMask } from "./resize-mask.ts";

/** Of the window, in pixels of the guide. */
const RADIUS = 3;
/** Square of the contrast, 0..1, below which an edge of the picture is none. */
const EPSILON = 1e-3;
/** Share that counts as nothing, and its complement as everything. */
const VEIL = 0.1;

/** How many of `length` places the window around one covers. */
const covered = (at: number, length: number): number =>
  Math.min(length - 1, at + RADIUS) - Math.max(0, at - RADIUS) + 1;

/** Mean over a window of `2 · RADIUS + 1` squared; at the border over what there is of it. */
const boxMean = (values: Float32Array, width: number, height: number): Float32Array => {
  const rows = new Float32Array(values.length);
  for (let y = 0; y < height; y++) {
    const start = y * width;
    let sum = 0;
    for (let x = 0; x < Math.min(RADIUS, width); x++) sum += values[start + x] as number;
    for (let x = 0; x < width; x++) {
      if (x + RADIUS < width) sum += values[start + x + RADIUS] as number;
      if (x > RADIUS) sum -= values[start + x - RADIUS - 1] as number;
      rows[start + x] = sum / covered(x, width);
    }
  }
  const means = new Float32Array(values.length);
  // All columns at once: memory is read in its order.
  const sums = new Float64Array(width);
  const add = (y: number, sign: 1 | -1): void => {
    for (let x = 0; x < width; x++) {
      sums[x] = (sums[x] as number) + sign * (rows[y * width + x] as number);
    }
  };
  for (let y = 0; y < Math.min(RADIUS, height); y++) add(y, 1);
  for (let y = 0; y < height; y++) {
    if (y + RADIUS < height) add(y + RADIUS, 1);
    if (y > RADIUS) add(y - RADIUS - 1, -1);
    const share = 1 / covered(y, height);
    for (let x = 0; x < width; x++) means[y * width + x] = (sums[x] as number) * share;
  }
  return means;
};

const greyAt = (data: Uint8Array, at: number): number =>
  (0.299 * (data[at] as number) +
    0.587 * (data[at + 1] as number) +
    0.114 * (data[at + 2] as number)) /
  255;

const multiply = (a: Float32Array, b: Float32Array): Float32Array => {
  const product = new Float32Array(a.length);
  for (let i = 0; i < a.length; i++) product[i] = (a[i] as number) * (b[i] as number);
  return product;
};

/**
 * Brings a coarse mask's edges to those of the picture, with soft ones where hair or blur is: the fast guided filter (He
 * and Sun 2015), with the picture's grey as its guide.
 *
 * @param guide the picture, small: the filter's coefficients are found there
 * @returns what makes the mask at the size of whatever scale of the picture it is given
 */
export const guideMask = (guide: Picture, coarse: Mask): ((picture: Picture) => Mask) => {
  const { width, height } = guide;
  const mean = (values: Float32Array): Float32Array => boxMean(values, width, height);
  const grey = new Float32Array(width * height);
  for (let i = 0; i < grey.length; i++) grey[i] = greyAt(guide.data, 3 * i);
  const mask = resizeMask(coarse, guide).data;
  const [meanGrey, meanMask] = [mean(grey), mean(mask)];
  const [squares, products] = [mean(multiply(grey, grey)), mean(multiply(grey, mask))];
  const slope = new Float32Array(grey.length);
  const offset = new Float32Array(grey.length);
  for (let i = 0; i < grey.length; i++) {
    const [g, m] = [meanGrey[i] as number, meanMask[i] as number];
    const a = ((products[i] as number) - g * m) / ((squares[i] as number) - g * g + EPSILON);
    slope[i] = a;
    offset[i] = m - a * g;
  }
  const slopes = { width, height, data: mean(slope) };
  const offsets = { width, height, data: mean(offset) };
  return (picture) => {
    const data = new Float32Array(picture.width * picture.height);
    const [slopeRow, offsetRow] = [bilinear(slopes, picture), bilinear(offsets, picture)];
    for (let y = 0, i = 0; y < picture.height; y++) {
      const [a, b] = [slopeRow(y), offsetRow(y)];
      for (let x = 0; x < picture.width; x++, i++) {
        const alpha = (a[x] as number) * greyAt(picture.data, 3 * i) + (b[x] as number);
        // What is nearly nothing or nearly everything is just that: no veil over background or foreground.
        data[i] = Math.min(1, Math.max(0, (alpha - VEIL) / (1 - 2 * VEIL)));
      }
    }
    return { width: picture.width, height: picture.height, data };
  };
};
