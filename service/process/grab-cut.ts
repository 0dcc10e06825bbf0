import { type OpenCv, withMats } from "./opencv.ts";
import { fitWithin, type Mask, type Picture, resizeMask, scale } from "./picture.ts";

/** Longest side at which the cut is made, pixels: its time grows faster than the area. */
const SIDE = 160;
const ROUNDS = 4;
/**
 * Evidence, 0..1, from which a place is surely and probably foreground, and below which it is surely background. At first
 * nothing is surely foreground: the evidence is coarse, and what is sure stays whatever its colours.
 */
type Seeds = { readonly surely: number; readonly probably: number; readonly never: number };
/** Tried one after the other until a cut goes well with the evidence. */
const SEEDS: readonly Seeds[] = [
  { surely: 2, probably: 0.6, never: 0.15 },
  { surely: 0.9, probably: 0.5, never: 0.15 },
  { surely: 0.8, probably: 0.45, never: 0.25 },
];
/** Share of the best possible agreement with which a cut is good enough. */
const GOOD = 0.6;
/** Pieces of the foreground smaller than this share of the largest are dropped, and holes smaller than it filled. */
const LEAST_PIECE = 0.1;
const LEAST_HOLE = 0.02;

/** Which pixels GrabCut shall start from, one of OpenCV's four values each. */
const startFrom = (cv: OpenCv, evidence: Mask, { surely, probably, never }: Seeds): Uint8Array =>
  Uint8Array.from(evidence.data, (value) => {
    if (value >= surely) return cv.GC_FGD;
    if (value >= probably) return cv.GC_PR_FGD;
    return value < never ? cv.GC_BGD : cv.GC_PR_BGD;
  });

/** Difference of its darkest and brightest byte below which a picture shows nothing that could be cut out. */
const LEAST_CONTRAST = 16;

const contrastOf = (data: Uint8Array): number => {
  let [low, high] = [255, 0];
  for (const value of data) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return high - low;
};

/** How well a cut divides the evidence into much and little: the variance between its two sides (Otsu 1979). */
const agreement = (evidence: Mask, inside: (i: number) => boolean): number => {
  const sums = [0, 0];
  const counts = [0, 0];
  for (const [i, value] of evidence.data.entries()) {
    const side = inside(i) ? 1 : 0;
    sums[side] = (sums[side] as number) + value;
    counts[side] = (counts[side] as number) + 1;
  }
  const [[low, high], [outer, inner]] = [sums, counts] as [[number, number], [number, number]];
  if (outer === 0 || inner === 0) return 0;
  const total = outer + inner;
  return (outer / total) * (inner / total) * (high / inner - low / outer) ** 2;
};

/** The agreement of the best threshold, of nine. */
const bestAgreement = (evidence: Mask): number =>
  Math.max(
    ...Array.from({ length: 9 }, (_, i) =>
      agreement(evidence, (at) => (evidence.data[at] as number) >= (i + 1) / 10),
    ),
  );

/**
 * Sets the pixels of one kind whose connected piece is too small to the other kind.
 *
 * @param least the least area of a piece that stays, by the area of the largest one
 */
const dropSmall = (
  cv: OpenCv,
  binary: { readonly data: Uint8Array; readonly width: number; readonly height: number },
  kind: 0 | 1,
  least: (largest: number) => number,
): void =>
  withMats((keep) => {
    const { data, width, height } = binary;
    const source = keep(new cv.Mat(height, width, cv.CV_8UC1));
    source.data.set(data.map((value) => (value === kind ? 1 : 0)));
    const [labels, stats, centroids] = [keep(new cv.Mat()), keep(new cv.Mat()), keep(new cv.Mat())];
    const count = cv.connectedComponentsWithStats(source, labels, stats, centroids);
    // Label 0 is everything of the other kind.
    const areas = Array.from({ length: count }, (_, label) =>
      label === 0 ? 0 : stats.intAt(label, cv.CC_STAT_AREA),
    );
    const bound = least(Math.max(0, ...areas));
    const pieces = labels.data32S;
    for (let i = 0; i < data.length; i++) {
      const label = pieces[i] as number;
      if (label > 0 && (areas[label] as number) < bound) data[i] = 1 - kind;
    }
  });

const foregroundOf = (cv: OpenCv, values: Uint8Array): Uint8Array =>
  values.map((value) => (value === cv.GC_FGD || value === cv.GC_PR_FGD ? 1 : 0));

/** Runs GrabCut. @returns 1 for the foreground; the start itself where it has nothing of one side */
const grabCut = (cv: OpenCv, { width, height, data }: Picture, start: Uint8Array): Uint8Array => {
  const given = foregroundOf(cv, start);
  // It asserts that it has both to learn from.
  if (!given.includes(0) || !given.includes(1)) return given;
  return withMats((keep) => {
    const image = keep(new cv.Mat(height, width, cv.CV_8UC3));
    image.data.set(data);
    const mask = keep(new cv.Mat(height, width, cv.CV_8UC1));
    mask.data.set(start);
    const [background, foreground] = [keep(new cv.Mat()), keep(new cv.Mat())];
    const whole = new cv.Rect(0, 0, width, height);
    // Its clusters start at random places: the same photo shall give the same cut.
    cv.setRNGSeed(0);
    cv.grabCut(image, mask, whole, background, foreground, ROUNDS, cv.GC_INIT_WITH_MASK);
    return foregroundOf(cv, mask.data);
  });
};

/**
 * Cuts the foreground out: GrabCut (Rother, Kolmogorov and Blake 2004) from seeds that the network's evidence gives; not
 * in a picture of one colour, where it would look for an edge for ever: that gets the seeds back. Where
 * a cut goes against the evidence, because fore- and background share their colours, others are tried.
 *
 * @returns 0 or 1 for each pixel of the picture scaled down to `SIDE`
 */
export const cutForeground = async (
  cv: OpenCv,
  picture: Picture,
  evidence: Mask,
): Promise<Mask> => {
  const { width, height, data } = await scale(picture, fitWithin(picture, SIDE));
  const known = resizeMask(evidence, { width, height });
  const best = bestAgreement(known);
  const small = { width, height, data };
  const flat = contrastOf(data) < LEAST_CONTRAST;
  const cutFrom = (seeds: Seeds) => {
    const start = startFrom(cv, known, seeds);
    const binary = flat ? foregroundOf(cv, start) : grabCut(cv, small, start);
    const cut = { width, height, data: binary };
    dropSmall(cv, cut, 1, (largest) => largest * LEAST_PIECE);
    dropSmall(cv, cut, 0, () => width * height * LEAST_HOLE);
    return { binary, score: agreement(known, (i) => binary[i] === 1) };
  };
  let chosen: ReturnType<typeof cutFrom> | undefined;
  for (const seeds of SEEDS) {
    const cut = cutFrom(seeds);
    if (!chosen || cut.score > chosen.score) chosen = cut;
    if (chosen.score >= best * GOOD) break;
  }
  return { width, height, data: Float32Array.from(chosen?.binary ?? []) };
};
