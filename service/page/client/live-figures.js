/** Rates are means over this time. */
const WINDOW_SECONDS = 10;

/**
 * The sum of a metric's series in Prometheus' text format. A series that does not exist yet counts as 0.
 *
 * @param {string} text
 * @param {string} name
 * @param {string} labels part of the label set that a series must have, as it is written there
 */
const sumOf = (text, name, labels) =>
  text
    .split("\n")
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) => line.includes(labels))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);

/**
 * What to make of a metric: its value (`now`), its increase a second (`rate`), or of a histogram the mean of what was
 * observed lately (`mean`).
 *
 * @typedef {{ readonly kind: "now" | "rate" | "mean", readonly metric: string, readonly labels: string }} Figure
 */

/**
 * Follows the service's metrics.
 *
 * @param {readonly Figure[]} figures
 */
export const createLiveFigures = (figures) => {
  /** @typedef {{ readonly at: number, readonly sums: readonly number[], readonly counts: readonly number[] }} Sample */
  /** @type {Sample[]} */
  let samples = [];

  /**
   * Takes the metrics in, and gives each figure's value, undefined when there is none (yet).
   *
   * @param {string} text the answer of `/metrics`
   * @param {number} at time of it, milliseconds of any clock
   * @returns {readonly (number | undefined)[]}
   */
  return (text, at) => {
    const sample = {
      at,
      sums: figures.map(({ kind, metric, labels }) =>
        sumOf(text, kind === "mean" ? `${metric}_sum` : metric, labels),
      ),
      counts: figures.map(({ kind, metric, labels }) =>
        kind === "mean" ? sumOf(text, `${metric}_count`, labels) : 0,
      ),
    };
    const recent = samples.filter((before) => at - before.at <= WINDOW_SECONDS * 1000);
    // A counter that fell belongs to a process that has begun meanwhile, or to another one.
    const fell = figures.some(
      ({ kind }, i) => kind !== "now" && (sample.sums[i] ?? 0) < (recent.at(-1)?.sums[i] ?? 0),
    );
    samples = fell ? [sample] : [...recent, sample];
    const [first = sample] = samples;
    const seconds = (at - first.at) / 1000;
    return figures.map(({ kind }, i) => {
      const sum = sample.sums[i] ?? 0;
      if (kind === "now") return sum;
      const divisor = kind === "rate" ? seconds : (sample.counts[i] ?? 0) - (first.counts[i] ?? 0);
      return divisor > 0 ? (sum - (first.sums[i] ?? 0)) / divisor : undefined;
    });
  };
};
