import type { Mask } from "./picture.ts";

type Size = { readonly width: number; readonly height: number };

/** For each of `to` places along an axis: the two of `from` that it lies between, and how far from the first. */
const between = (from: number, to: number) => {
  const [low, high, share] = [new Int32Array(to), new Int32Array(to), new Float32Array(to)];
  for (let i = 0; i < to; i++) {
    const place = Math.min(from - 1, Math.max(0, ((i + 0.5) * from) / to - 0.5));
    low[i] = Math.floor(place);
    high[i] = Math.min(from - 1, Math.floor(place) + 1);
    share[i] = place - Math.floor(place);
  }
  return { low, high, share };
};

/**
 * A mask at another size, bilinear, row by row: so what is made of several takes no memory for each.
 *
 * @returns the row of that number, in memory that the next one overwrites
 */
export const bilinear = (mask: Mask, { width, height }: Size): ((y: number) => Float32Array) => {
  const [rows, columns] = [between(mask.height, height), between(mask.width, width)];
  const line = new Float32Array(mask.width);
  const row = new Float32Array(width);
  return (y) => {
    const top = (rows.low[y] as number) * mask.width;
    const bottom = (rows.high[y] as number) * mask.width;
    const down = rows.share[y] as number;
    // Down first: what is scaled up is mostly small.
    for (let x = 0; x < mask.width; x++) {
      const upper = mask.data[top + x] as number;
      line[x] = upper + down * ((mask.data[bottom + x] as number) - upper);
    }
    for (let x = 0; x < width; x++) {
      const left = line[columns.low[x] as number] as number;
      const right = line[columns.high[x] as number] as number;
      row[x] = left + (columns.share[x] as number) * (right - left);
    }
    return row;
  };
};

/** A mask at another size, bilinear. */
export const resizeMask = (mask: Mask, { width, height }: Size): Mask => {
  const data = new Float32Array(width * height);
  const row = bilinear(mask, { width, height });
  for (let y = 0; y < height; y++) data.set(row(y), y * width);
  return { width, height, data };
};
