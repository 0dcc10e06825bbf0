import { fitWithin, type Mask, type Picture, resizeMask, scale } from "./picture.ts";

/** Longest side at which the filter's coefficients are found, pixels. */
const SIDE = 384;
const RADIUS = 3;
/** Square of the contrast, 0..1, below which an edge of the picture is none. */
const EPSILON = 1e-3;
/** Share that counts as nothing, and its complement as everything. */
const VEIL = 0.1;

/** Mean over a window of `2 · RADIUS + 1` squared; at the border over what there is of it. */
const boxMean = (values: Float32Array, width: number, height: number): Float32Array => {
  const pass = (
    from: Float32Array,
    lines: number,
    length: number,
    line: number,
    step: number,
  ): Float32Array => {
    const to = new Float32Array(from.length);
    for (let i = 0; i < lines; i++) {
      const start = i * line;
      let sum = 0;
      for (let j = 0; j < Math.min(RADIUS, length); j++) sum += from[start + j * step] as number;
      for (let j = 0; j < length; j++) {
        if (j + RADIUS < length) sum += from[start + (j + RADIUS) * step] as number;
        if (j > RADIUS) sum -= from[start + (j - RADIUS - 1) * step] as number;
        const count = Math.min(length - 1, j + RADIUS) - Math.max(0, j - RADIUS) + 1;
        to[start + j * step] = sum / count;
      }
    }
    return to;
  };
  const rows = pass(values, height, width, width, 1);
  return pass(rows, width, height, 1, width);
};

const greyOf = ({ data }: Picture): Float32Array => {
  const grey = new Float32Array(data.length / 3);
  for (let i = 0, from = 0; i < grey.length; i++, from += 3) {
    const [r, g] = [data[from] as number, data[from + 1] as number];
    grey[i] = (0.299 * r + 0.587 * g + 0.114 * (data[from + 2] as number)) / 255;
  }
  return grey;
};

const multiply = (a: Float32Array, b: Float32Array): Float32Array => {
  const product = new Float32Array(a.length);
  for (let i = 0; i < a.length; i++) product[i] = (a[i] as number) * (b[i] as number);
  return product;
};

/**
 * Brings a coarse mask's edges to those of the picture, with soft ones where hair or blur is: the fast guided filter (He
 * and Sun 2015), with the picture's grey as its guide.
 *
 * @returns a mask of the picture's own size
 */
export const refineMask = async (picture: Picture, coarse: Mask): Promise<Mask> => {
  const guide = await scale(picture, fitWithin(picture, SIDE));
  const { width, height } = guide;
  const mean = (values: Float32Array): Float32Array => boxMean(values, width, height);
  const grey = greyOf(guide);
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
  const enlarge = (data: Float32Array): Float32Array =>
    resizeMask({ width, height, data: mean(data) }, picture).data;
  const [slopes, data] = [enlarge(slope), enlarge(offset)];
  const full = greyOf(picture);
  for (let i = 0; i < data.length; i++) {
    const alpha = (slopes[i] as number) * (full[i] as number) + (data[i] as number);
    // What is nearly nothing or nearly everything is just that: no veil over background or foreground.
    data[i] = Math.min(1, Math.max(0, (alpha - VEIL) / (1 - 2 * VEIL)));
  }
  return { width: picture.width, height: picture.height, data };
};
