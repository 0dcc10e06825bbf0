import { escapeText } from "../html/document.ts";
import { format } from "./format.ts";
import type { Unit } from "./panels.ts";
import type { Point, Range, Series } from "./prometheus.ts";

/** Size of a chart and its plot, in units of its own that scale with the page. */
export const FRAME = { width: 420, height: 170, left: 62, right: 8, top: 8, bottom: 20 } as const;
const plotWidth = FRAME.width - FRAME.left - FRAME.right;
const plotHeight = FRAME.height - FRAME.top - FRAME.bottom;

/** Number of colours in the style sheet: `--c0` and so on. */
export const COLOURS = 8;

/** Points farther apart than this many steps are not joined: there was nothing in between. */
export const GAP_STEPS = 2.5;

/** Place of a moment on the page. */
export const xOf = (time: number, { start, end }: Range): number =>
  FRAME.left + (plotWidth * (time - start)) / (end - start);

const round = (value: number): string => value.toFixed(1);

/** The smallest of 1, 2 and 5 times a power of ten that is not below the value. */
const ceiling = (value: number): number => {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5, 10].find((factor) => factor * power >= value * 0.999) ?? 10) * power;
};

const path = (points: readonly Point[], range: Range, y: (value: number) => number): string =>
  points
    .map(([time, value], index) => {
      const before = points[index - 1];
      const joined = before !== undefined && time - before[0] <= GAP_STEPS * range.step;
      // A line to the same place makes a lone point visible.
      const at = `${round(xOf(time, range))} ${round(y(value))}`;
      return joined ? `L${at}` : `M${at}L${at}`;
    })
    .join("");

/** The labels of the time axis. */
export const timeAxis = ({ start, end }: Range): string => {
  const base = FRAME.height - 5;
  return `<text x="${FRAME.left}" y="${base}">${Math.round((end - start) / 60)} min ago</text><text x="${FRAME.width - FRAME.right}" y="${base}" text-anchor="end">now</text>`;
};

/** Lines over time as SVG, from zero (or below, where values are) up. @param label what a screen reader says */
export const lineChart = (
  series: readonly Series[],
  { unit, range, label }: { readonly unit: Unit; readonly range: Range; readonly label: string },
): string => {
  const values = series.flatMap(({ points }) => points.map(([, value]) => value));
  const top = ceiling(values.reduce((a, b) => Math.max(a, b), 0));
  const lowest = values.reduce((a, b) => Math.min(a, b), 0);
  const bottom = lowest < 0 ? -ceiling(-lowest) : 0;
  const y = (value: number): number =>
    FRAME.top + plotHeight * (1 - (value - bottom) / (top - bottom));
  const ticks = [bottom, (bottom + top) / 2, top].map(
    (value) =>
      `<line class="grid" x1="${FRAME.left}" x2="${FRAME.width - FRAME.right}" y1="${round(y(value))}" y2="${round(y(value))}"/><text x="${FRAME.left - 6}" y="${round(y(value) + 4)}" text-anchor="end">${escapeText(format(value, unit))}</text>`,
  );
  const lines = series.map(
    ({ points }, index) =>
      `<path class="line" style="stroke:var(--c${index % COLOURS})" d="${path(points, range, y)}"/>`,
  );
  return `<svg viewBox="0 0 ${FRAME.width} ${FRAME.height}" role="img" aria-label="${escapeText(label)}">${ticks.join("")}${lines.join("")}${timeAxis(range)}</svg>`;
};
