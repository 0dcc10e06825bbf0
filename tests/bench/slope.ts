/** A value at a time. */
export type Point = { readonly at: number; readonly value: number };

/** How fast values grow: the slope, and how far from it the true one may be (95 %). */
export type Slope = { readonly slope: number; readonly margin: number };

const sumOf = <T>(items: readonly T[], term: (item: T, index: number) => number): number =>
  items.reduce((sum, item, index) => sum + term(item, index), 0);

/** Independent points beyond the line's own two, below which nothing is said: the expansion is off there, too. */
const LEAST_FREEDOM = 3;

/** The 97.5 % quantile of Student's distribution, by the expansion around the normal one (Abramowitz and Stegun 26.7.5). */
export const studentQuantile = (freedom: number): number => {
  const z = 1.959964;
  const terms = [
    (z ** 3 + z) / 4,
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96,
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384,
  ];
  return z + sumOf(terms, (term, index) => term / freedom ** (index + 1));
};

/**
 * Least squares. What memory is at one moment it nearly is at the next: with residuals that follow each other, many points
 * tell as much as few independent ones, and the interval is as wide as of those (by the correlation of neighbours, as is
 * done with series of temperatures: Santer and others, 2000).
 *
 * @param points at equal distances
 * @returns the slope a unit of `at`; its margin is infinite when there are too few points to tell
 */
export const fitSlope = (points: readonly Point[]): Slope => {
  const middle = sumOf(points, ({ at }) => at) / points.length;
  const level = sumOf(points, ({ value }) => value) / points.length;
  const spread = sumOf(points, ({ at }) => (at - middle) ** 2);
  const slope = sumOf(points, ({ at, value }) => (at - middle) * (value - level)) / spread;
  const residuals = points.map(({ at, value }) => value - level - slope * (at - middle));
  const squares = sumOf(residuals, (residual) => residual ** 2);
  const neighbours = sumOf(residuals.slice(1), (residual, i) => residual * (residuals[i] ?? 0));
  const correlation = squares === 0 ? 0 : Math.max(0, neighbours / squares);
  const freedom = (points.length * (1 - correlation)) / (1 + correlation) - 2;
  if (freedom < LEAST_FREEDOM) return { slope, margin: Number.POSITIVE_INFINITY };
  return { slope, margin: studentQuantile(freedom) * Math.sqrt(squares / freedom / spread) };
};
