/*
 * The population stability index of two histograms: the sum over bins of (q - p) · ln(q / p), the symmetrised
 * Kullback-Leibler divergence. Bankers' rule of thumb calls 0.1 a small and 0.25 a large shift, whatever the number of photos;
 * but of few photos chance alone makes more than that. While nothing drifts the index is distributed like
 * (1/n + 1/m) · χ² with one degree of freedom less than there are bins (Yurdakul and Naranjo 2020, "Statistical
 * properties of the population stability index"), and that gives the bound that chance seldom passes.
 */

/** Half a photo in each bin more: an empty one would make the index infinite. */
const PRIOR = 0.5;

const sum = (counts: readonly number[]): number => counts.reduce((all, count) => all + count, 0);

/** The index of two histograms with the same bins. */
export const stabilityIndex = (reference: readonly number[], now: readonly number[]): number => {
  const bins = reference.length;
  const [m, n] = [sum(reference) + PRIOR * bins, sum(now) + PRIOR * bins];
  return reference.reduce((index, count, bin) => {
    const p = (count + PRIOR) / m;
    const q = ((now[bin] ?? 0) + PRIOR) / n;
    return index + (q - p) * Math.log(q / p);
  }, 0);
};

/**
 * Quantile of the χ² distribution (Wilson and Hilferty 1931), within two hundredths from 3 degrees of freedom on.
 *
 * @param z of the normal distribution at the same probability
 */
const chiSquare = (degrees: number, z: number): number => {
  const variance = 2 / (9 * degrees);
  return degrees * (1 - variance + z * Math.sqrt(variance)) ** 3;
};

/** Quantiles of the normal distribution: passed by chance once in 1,000 and in 8,000 times. */
export const ONCE_IN = { thousand: 3.0902, eightThousand: 3.6623 } as const;

/**
 * What the index of so many photos seldom passes while nothing drifts.
 *
 * @param z how seldom
 */
export const stabilityBound = (
  reference: readonly number[],
  now: readonly number[],
  z: number,
): number => (1 / sum(reference) + 1 / sum(now)) * chiSquare(reference.length - 1, z);
