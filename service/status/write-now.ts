import { format } from "./format.ts";
import { GAP_STEPS } from "./line-chart.ts";
import type { Unit } from "./panels.ts";
import type { Range, Series } from "./prometheus.ts";

/**
 * The present value of a series with its unit. A dash where it has none: a share of no requests is no number, a deleted
 * pod has no memory, and what they had last is not now.
 */
export const writeNow = ({ points }: Series, unit: Unit, { end, step }: Range): string => {
  const last = points.at(-1);
  return last && end - last[0] <= GAP_STEPS * step ? format(last[1], unit) : "–";
};
