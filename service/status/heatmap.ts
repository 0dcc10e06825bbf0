import { escapeText } from "../html/document.ts";
import { format } from "./format.ts";
import { FRAME, timeAxis, xOf } from "./line-chart.ts";
import type { Unit } from "./panels.ts";
import type { Range, Series } from "./prometheus.ts";

/** One band between two bounds: its value at each moment. */
type Band = { readonly bound: number; readonly values: ReadonlyMap<number, number> };

/** Prometheus' buckets count everything up to their bound: a band is the difference to the one below it. */
const bandsOf = (series: readonly Series[]): readonly Band[] => {
  const sorted = series
    .map(({ name, points }) => ({
      bound: name === "+Inf" ? Number.POSITIVE_INFINITY : Number(name),
      values: new Map(points),
    }))
    .sort((a, b) => a.bound - b.bound);
  return sorted.map(({ bound, values }, index) => {
    const below = sorted[index - 1]?.values;
    return {
      bound,
      values: new Map(
        [...values].map(([time, value]) => [time, Math.max(0, value - (below?.get(time) ?? 0))]),
      ),
    };
  });
};

/**
 * How values spread over bands, as SVG: the more of them, the darker the cell.
 *
 * @param series one for each cumulative bucket, called by its upper bound
 */
export const heatmap = (
  series: readonly Series[],
  { unit, range, label }: { readonly unit: Unit; readonly range: Range; readonly label: string },
): string => {
  const bands = bandsOf(series);
  const highest = Math.max(...bands.flatMap(({ values }) => [...values.values()]), 1e-9);
  const height = (FRAME.height - FRAME.top - FRAME.bottom) / Math.max(1, bands.length);
  const width = xOf(range.start + range.step, range) - FRAME.left;
  const rows = bands.map(({ bound, values }, index) => {
    const y = FRAME.height - FRAME.bottom - height * (index + 1);
    const cells = [...values]
      .filter(([, value]) => value > 0)
      .map(
        ([time, value]) =>
          `<rect x="${(xOf(time, range) - width).toFixed(1)}" y="${y.toFixed(1)}" width="${width.toFixed(1)}" height="${height.toFixed(1)}" opacity="${(0.15 + (0.85 * value) / highest).toFixed(2)}"/>`,
      );
    const text = Number.isFinite(bound) ? `≤ ${format(bound, unit)}` : "more";
    // Every second bound: they would overlap otherwise.
    const axis =
      index % 2 === 0
        ? `<text x="${FRAME.left - 6}" y="${(y + height).toFixed(1)}" text-anchor="end">${escapeText(text)}</text>`
        : "";
    return axis + cells.join("");
  });
  return `<svg class="heat" viewBox="0 0 ${FRAME.width} ${FRAME.height}" role="img" aria-label="${escapeText(label)}">${rows.join("")}${timeAxis(range)}</svg>`;
};
