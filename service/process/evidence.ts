import type { Explainer, Explanation } from "../../model/activation-map.ts";
import type { ReadOut } from "../../model/read-out.ts";
import { type Mask, type Picture, type Region, resizeMask, scale } from "./picture.ts";

/** What the network knows of a picture: what it shows, and where. */
export type Evidence = {
  /** How much there is to see at each place, 0..1. */
  readonly map: Mask;
  /** Probabilities of ImageNet's classes; undefined for a model that came without the backbone's own classifier. */
  readonly classes: Float32Array | undefined;
};

/** Side of the evidence map, places. */
const MAP_SIDE = 28;
/** Tiles along each side, and how much of the side each covers: neighbours overlap. */
const TILES = 2;
const TILE_SHARE = 0.6;
/** Pictures are mostly of what is in their middle: how much that counts beside the network, and how wide the middle is. */
const CENTRE = { share: 0.3, x: 0.5, y: 0.55, width: 0.25 };
/** Share of the places at either end that are all the same when the map is stretched to 0..1. */
const TAIL = 0.02;

const softmax = (logits: Float32Array): Float32Array => {
  const highest = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const powers = logits.map((value) => Math.exp(value - highest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
};

/** The whole picture, and tiles of it in which details are larger. */
const viewsOf = ({ width, height }: Picture): Region[] => {
  const part = (length: number, i: number) => {
    const size = Math.ceil(length * TILE_SHARE);
    return { start: Math.round(((length - size) * i) / (TILES - 1)), size };
  };
  const views = [{ left: 0, top: 0, width, height }];
  for (let row = 0; row < TILES; row++) {
    for (let column = 0; column < TILES; column++) {
      const [x, y] = [part(width, column), part(height, row)];
      views.push({ left: x.start, top: y.start, width: x.size, height: y.size });
    }
  }
  return views;
};

/**
 * How strongly the network reacts at each place, whatever to: the length of the vector of features there. Background
 * leaves it cold (Wei et al. 2017 add the features up for the same end).
 */
const strengthOf = ({ map: { width, height }, features }: Explanation): Mask => {
  const area = width * height;
  const data = new Float32Array(area);
  for (let i = 0; i < features.length; i++) {
    data[i % area] = (data[i % area] as number) + (features[i] as number) ** 2;
  }
  return { width, height, data: data.map(Math.sqrt) };
};

/** The mean of the views' maps, each where it lies in the picture. */
const join = (picture: Picture, views: readonly Region[], maps: readonly Mask[]): Mask => {
  const sum = new Float32Array(MAP_SIDE * MAP_SIDE);
  const weights = new Float32Array(MAP_SIDE * MAP_SIDE);
  for (const [i, { left, top, width, height }] of views.entries()) {
    const map = maps[i];
    if (!map) continue;
    const place = (at: number, length: number) => Math.round((at / length) * MAP_SIDE);
    const [x0, x1] = [place(left, picture.width), place(left + width, picture.width)];
    const [y0, y1] = [place(top, picture.height), place(top + height, picture.height)];
    const part = resizeMask(map, { width: x1 - x0, height: y1 - y0 });
    // A tile fades out towards its edges, so that no seams show; the whole picture counts everywhere.
    const fade = (at: number, length: number): number =>
      i === 0 ? 1 : Math.min(1, 4 * Math.min((at + 0.5) / length, 1 - (at + 0.5) / length));
    for (let y = y0; y < y1; y++) {
      for (let x = x0; x < x1; x++) {
        const at = y * MAP_SIDE + x;
        const weight = fade(y - y0, part.height) * fade(x - x0, part.width);
        const value = part.data[(y - y0) * part.width + x - x0] as number;
        sum[at] = (sum[at] as number) + weight * value;
        weights[at] = (weights[at] as number) + weight;
      }
    }
  }
  const data = sum.map((value, i) => value / (weights[i] as number));
  return { width: MAP_SIDE, height: MAP_SIDE, data };
};

/** Stretched to 0..1. */
const stretch = (mask: Mask): Mask => {
  const sorted = mask.data.toSorted();
  const low = sorted[Math.floor(sorted.length * TAIL)] as number;
  const high = sorted[Math.floor(sorted.length * (1 - TAIL))] as number;
  const range = Math.max(1e-6, high - low);
  return { ...mask, data: mask.data.map((v) => Math.min(1, Math.max(0, (v - low) / range))) };
};

/** Adds the expectation that the middle matters. */
const expectMiddle = (mask: Mask): Mask => {
  const { width, height } = mask;
  const data = mask.data.map((value, i) => {
    const across = ((i % width) + 0.5) / width - CENTRE.x;
    const down = (Math.floor(i / width) + 0.5) / height - CENTRE.y;
    const middle = Math.exp(-(across ** 2 + down ** 2) / (2 * CENTRE.width ** 2));
    return value + CENTRE.share * middle;
  });
  return { ...mask, data };
};

/** Looks at a picture, whole and in tiles. */
export const gatherEvidence = async (
  picture: Picture,
  network: { readonly explainer: Explainer; readonly readOut: ReadOut | undefined },
): Promise<Evidence> => {
  const { explainer, readOut } = network;
  const side = explainer.metadata.preprocessing.inputSize;
  const views = viewsOf(picture);
  const inputs = await Promise.all(
    views.map((view) => scale(picture, { width: side, height: side }, view)),
  );
  const explanations = await explainer.explain(inputs.map(({ data }) => data));
  const [whole] = (await readOut?.read(explanations.slice(0, 1))) ?? [];
  const strength = join(picture, views, explanations.map(strengthOf));
  return {
    map: stretch(expectMiddle(stretch(strength))),
    classes: whole && softmax(whole.logits),
  };
};
