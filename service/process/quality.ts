import type { Thresholds } from "./config.ts";
import { fitWithin, type Mask, type Picture, scale } from "./picture.ts";
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
/** Sobel gradient of luma (0..255) from which a pixel lies on an edge. */
const EDGE = 96;
const WHITE = 250;
const BLACK = 12;
const FOREGROUND = 0.5;

/** Grey by ITU-R BT.601, as OpenCV and sharp have it: some pixels in a row, from the one of that number. */
const lumaInto = (luma: Float32Array, data: Uint8Array, first: number): void => {
  for (let i = 0, from = 3 * first; i < luma.length; i++, from += 3) {
    const [r, g] = [data[from] as number, data[from + 1] as number];
    luma[i] = 0.299 * r + 0.587 * g + 0.114 * (data[from + 2] as number);
  }
};

/** Variance of the four-neighbour Laplacian of the luma over all pixels but the outermost (Pech-Pacheco et al. 2000). */
export const laplacianVariance = ({ width, height, data }: Picture): number => {
  // Three rows at a time: all of a photo's luma would not stay in a processor's cache.
  let [above, row, below] = [0, 1, 2].map(() => new Float32Array(width)) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  let [count, sum, squares] = [0, 0, 0];
  for (let y = 0; y < height; y++) {
    lumaInto(below, data, y * width);
    if (y >= 2) {
      for (let x = 1; x < width - 1; x++) {
        const beside = (row[x - 1] as number) + (row[x + 1] as number);
        const around = beside + (above[x] as number) + (below[x] as number);
        const value = around - 4 * (row[x] as number);
        count++;
        sum += value;
        squares += value * value;
      }
    }
    [above, row, below] = [row, below, above];
  }
  return count === 0 ? 0 : Math.max(0, squares / count - (sum / count) ** 2);
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

/** Share of the pixels that are foreground rather than not. */
const foregroundShare = ({ data }: Mask): number => {
  let count = 0;
  for (const value of data) if (value >= FOREGROUND) count++;
  return count / data.length;
};

/** Shares of white and of black pixels, of the foreground alone when there is one: a white ground is no fault. */
const exposure = (luma: Float32Array, mask: Mask | undefined): { white: number; black: number } => {
  let count = 0;
  let white = 0;
  let black = 0;
  for (let i = 0; i < luma.length; i++) {
    const value = luma[i] as number;
    if (mask && (mask.data[i] as number) < FOREGROUND) continue;
    count++;
    if (value >= WHITE) white++;
    else if (value <= BLACK) black++;
  }
  return { white: white / count, black: black / count };
};

/**
 * Judges a photo.
 *
 * @param size of the upload, which the picture may have been scaled down from
 * @param mask the foreground, as large as the small picture; without one, or with nothing in it, exposure is judged over
 *   everything; without one clutter and the foreground itself are not judged
 */
export const judgeQuality = async (
  photo: {
    readonly size: { readonly width: number; readonly height: number };
    readonly picture: Picture;
    /** The picture as `shrink` gives it: gradients and shares are measured there. */
    readonly small: Picture;
    readonly mask: Mask | undefined;
  },
  { qa }: Pick<Thresholds, "qa">,
): Promise<Quality> => {
  const { size, picture, small, mask } = photo;
  const pixels = size.width * size.height;
  const large = await scale(picture, fitWithin(picture, SHARPNESS_SIDE));
  const sharpness = laplacianVariance(large);
  const luma = new Float32Array(small.width * small.height);
  lumaInto(luma, small.data, 0);
  const clutter = mask ? edgeShare(luma, mask) : 0;
  const foreground = mask ? foregroundShare(mask) : 1;
  const { white, black } = exposure(luma, foreground > 0 ? mask : undefined);
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
    {
      code: "NO_FOREGROUND",
      measured: foreground,
      limit: qa.foreground_min,
      failed: foreground < qa.foreground_min,
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
