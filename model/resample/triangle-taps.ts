/**
 * Which neighbours make each sample of output along one axis, and how much each counts: `count` (even) of them from `first[i]` on,
 * with the fractions of 256 in `weights[i × count …]`, which add up to 256.
 */
export type Taps = {
  readonly first: Int32Array;
  readonly weights: Uint16Array;
  readonly count: number;
};

/**
 * The triangle filter: linear interpolation where a photo is enlarged, and as wide as a step of the output where it becomes
 * smaller, so that no sample is skipped.
 *
 * @param length samples of the source
 * @param scaled samples of the whole axis after scaling
 * @param offset where the output begins within those
 * @param size samples of output
 */
export const triangleTaps = (
  length: number,
  scaled: number,
  offset: number,
  size: number,
): Taps => {
  const step = length / scaled;
  const radius = Math.max(1, step);
  const count = 2 * Math.ceil(radius);
  const first = new Int32Array(size);
  const weights = new Uint16Array(size * count);
  const exact = new Float64Array(count);
  for (let i = 0; i < size; i++) {
    const centre = (i + offset + 0.5) * step - 0.5;
    const from = Math.max(0, Math.min(Math.floor(centre - radius) + 1, length - count));
    let sum = 0;
    let heaviest = 0;
    for (let k = 0; k < count; k++) {
      const inside = from + k < length;
      const weight = inside ? Math.max(0, 1 - Math.abs(from + k - centre) / radius) : 0;
      exact[k] = weight;
      sum += weight;
      if (weight > (exact[heaviest] as number)) heaviest = k;
    }
    let rest = 256;
    for (let k = 0; k < count; k++) {
      const weight = Math.round(((exact[k] as number) / sum) * 256);
      weights[i * count + k] = weight;
      rest -= weight;
    }
    // What rounding lost or won: without it a plain surface would change its colour.
    weights[i * count + heaviest] = (weights[i * count + heaviest] as number) + rest;
    first[i] = from;
  }
  return { first, weights, count };
};
