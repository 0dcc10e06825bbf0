import type { Thresholds } from "./config.ts";
import { fitWithin, type Mask, type Picture, resizeMask, scale } from "./picture.ts";
import type { IssueCode } from "./vocabulary.ts";

/** Something that is wrong, with what was measured and the limit that it crosses. */
type Issue = { readonly code: IssueCode; readonly measured: number; readonly limit: number };

/** A photo's quality. */
export type Quality = {
  readonly minSizeOk: boolean;
  /** Variance of the Laplacian. */
  readonly laplacianVariance: number;
  readonly issues: readonly Issue[];
};

/** Sharpness depends on the size it is measured at: larger photos are scaled down to this side first. */
const SHARPNESS_SIDE = 1024;
const CLUTTER_SIDE = 256;
/** Sobel gradient of luma (0..255) from which a pixel lies on an edge. */
const EDGE = 96;
const WHITE = 250;
const BLACK = 12;
const FOREGROUND = 0.5;

/** Grey by ITU-R BT.601, as OpenCV and sharp have it. */
const lumaOf = ({ width, height, data }: Picture): Float32Array => {
  const luma = new Float32Array(width * height);
  for (let i = 0, from = 0; i < luma.length; i++, from += 3) {
    const [r, g, b] = [data[from], data[from + 1], data[from + 2]] as [number, number, number];
    luma[i] = 0.299 * r + 0.587 * g + 0.114 * b;
  }
  return luma;
};

/** Variance of the four-neighbour Laplacian over all pixels but the outermost (Pech-Pacheco et al. 2000). */
export const laplacianVariance = (luma: Float32Array, width: number, height: number): number => {
  let count = 0;
  let sum = 0;
  let squares = 0;
  for (let y = 1; y < height - 1; y++) {
    for (let i = y * width + 1; i < (y + 1) * width - 1; i++) {
      const around =
        (luma[i - 1] as number) +
        (luma[i + 1] as number) +
        (luma[i - width] as number) +
        (luma[i + width] as number);
      const value = around - 4 * (luma[i] as number);
      count++;
      sum += value;
      squares += value * value;
    }
  }
  return count === 0 ? 0 : squares / count - (sum / count) ** 2;
};

/** Share of the background's pixels that lie on an edge; what borders on the foreground is left out. */
const edgeShare = (luma: Float32Array, mask: Mask): number => {
  const { width, height, data } = mask;
  let edges = 0;
  let count = 0;
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      const i = y * width + x;
      const at = (dx: number, dy: number): number => luma[i + dy * width + dx] as number;
      let nearest = 0;
      for (let dy = -1; dy <= 1; dy++) {
        for (let dx = -1; dx <= 1; dx++) {
          nearest = Math.max(nearest, data[i + dy * width + dx] as number);
        }
      }
      if (nearest >= FOREGROUND) continue;
      const across = at(1, -1) + 2 * at(1, 0) + at(1, 1) - at(-1, -1) - 2 * at(-1, 0) - at(-1, 1);
      const down = at(-1, 1) + 2 * at(0, 1) + at(1, 1) - at(-1, -1) - 2 * at(0, -1) - at(1, -1);
      count++;
      if (Math.hypot(across, down) >= EDGE) edges++;
    }
  }
  return count === 0 ? 0 : edges / count;
};

/** Shares of white and of black pixels, of the foreground alone when one is known: a white ground is no fault. */
const exposure = (luma: Float32Array, mask: Mask | undefined): { white: number; black: number } => {
  let count = 0;
  let white = 0;
  let black = 0;
  for (const [i, value] of luma.entries()) {
    if (mask && (mask.data[i] as number) < FOREGROUND) continue;
    count++;
    if (value >= WHITE) white++;
    else if (value <= BLACK) black++;
  }
  return count === 0 ? { white: 0, black: 0 } : { white: white / count, black: black / count };
};

/**
 * Judges a photo.
 *
 * @param size of the upload, which the picture may have been scaled down from
 * @param mask the foreground; without one exposure is judged over everything, and clutter not at all
 */
export const judgeQuality = async (
  photo: {
    readonly size: { readonly width: number; readonly height: number };
    readonly picture: Picture;
    readonly mask: Mask | undefined;
  },
  { qa }: Pick<Thresholds, "qa">,
): Promise<Quality> => {
  const { size, picture, mask } = photo;
  const pixels = size.width * size.height;
  const large = await scale(picture, fitWithin(picture, SHARPNESS_SIDE));
  const sharpness = laplacianVariance(lumaOf(large), large.width, large.height);
  const small = await scale(picture, fitWithin(picture, CLUTTER_SIDE));
  const luma = lumaOf(small);
  const foreground = mask && resizeMask(mask, small);
  const clutter = foreground ? edgeShare(luma, foreground) : 0;
  const { white, black } = exposure(luma, foreground);
  const checks: readonly (Issue & { readonly failed: boolean })[] = [
    {
      code: "LOW_RESOLUTION",
      measured: pixels,
      limit: qa.min_pixels,
      failed: pixels < qa.min_pixels,
    },
    {
      code: "BLURRY",
      measured: sharpness,
      limit: qa.blur_threshold,
      failed: sharpness < qa.blur_threshold,
    },
    {
      code: "CLUTTER",
      measured: clutter,
      limit: qa.clutter_max,
      failed: clutter > qa.clutter_max,
    },
    {
      code: "OVEREXPOSED",
      measured: white,
      limit: qa.overexposed_max,
      failed: white > qa.overexposed_max,
    },
    {
      code: "UNDEREXPOSED",
      measured: black,
      limit: qa.underexposed_max,
      failed: black > qa.underexposed_max,
    },
  ];
  return {
    minSizeOk: pixels >= qa.min_pixels,
    laplacianVariance: sharpness,
    issues: checks
      .filter(({ failed }) => failed)
      .map(({ code, measured, limit }) => ({ code, measured, limit })),
  };
};
