import { METRIC } from "../../../../service/metric-names.ts";
import { seriesOf, type Target } from "../target.ts";
import { RATE, type Row } from "./panel.ts";

const QUANTILES = [0.5, 0.95, 0.99];

/** How long answers take. */
export const latencyRow = (target: Target): Row => {
  const buckets = `sum by (le) (rate(${seriesOf(
    target,
    `${METRIC.requestDuration}_bucket`,
    'route="/predict"',
    'status="200"',
  )}[${RATE}]))`;
  return {
    title: "Latency",
    panels: [
      {
        id: "latency-quantiles",
        title: "Latency of predictions",
        description: "Answered ones (200), from headers to answer.",
        unit: "seconds",
        kind: "lines",
        queries: QUANTILES.map((quantile) => ({
          expr: `histogram_quantile(${quantile}, ${buckets})`,
          legend: `p${quantile * 100}`,
        })),
      },
      {
        id: "latency-heatmap",
        title: "Latency of predictions, all of them",
        description: "Answers a second in each band of latency.",
        unit: "per second",
        kind: "heatmap",
        queries: [{ expr: buckets, legend: "{{le}}" }],
      },
    ],
  };
};
