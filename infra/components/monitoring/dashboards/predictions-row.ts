import { METRIC } from "../../../../service/metric-names.ts";
import { seriesOf, type Target } from "../target.ts";
import { RATE, type Row } from "./panel.ts";

/** What the model answers, and whether that drifts. */
export const predictionsRow = (target: Target): Row => {
  const confidence = (part: string, window: string, ...matchers: readonly string[]): string =>
    `sum(rate(${seriesOf(target, `${METRIC.confidence}_${part}`, ...matchers)}[${window}]))`;
  const bound = seriesOf(target, METRIC.driftBound);
  const mean = (window: string): string =>
    `${confidence("sum", window)} / ${confidence("count", window)}`;
  return {
    title: "Predictions",
    panels: [
      {
        id: "predictions-by-label",
        title: "Predictions by label",
        description: "A shift without a reason outside means other photos, or another model.",
        unit: "per second",
        kind: "lines",
        queries: [
          {
            expr: `sum by (label) (rate(${seriesOf(target, METRIC.predictions)}[${RATE}]))`,
            legend: "{{label}}",
          },
        ],
      },
      {
        id: "confidence-drift",
        title: "Mean confidence: now and over a day",
        description: "Now far below the day's: photos that the model does not know.",
        unit: "share",
        kind: "lines",
        queries: [
          { expr: mean("10m"), legend: "last 10 minutes" },
          { expr: mean("1d"), legend: "last day" },
        ],
      },
      {
        id: "drift",
        title: "Drift from training: population stability index by its limit",
        description:
          "Of the last answers of each pod against training's held-out photos. The limit is what chance allows so few photos, 0.25 at least. Above 1: other photos than the model knows.",
        unit: "count",
        kind: "lines",
        queries: [
          {
            // Each pod by its own bound: a pod with few photos has both a large index and a large bound.
            expr: `max by (pod, of) (${seriesOf(target, METRIC.drift)} / clamp_min(${bound}, 0.25))`,
            legend: "{{pod}} {{of}}",
          },
          // The line at 1, where there is something to compare with it.
          { expr: `group(${bound})`, legend: "limit" },
        ],
      },
      {
        id: "low-confidence",
        title: "Unsure predictions",
        description: "Share of predictions with a probability of at most 0.8.",
        unit: "share",
        kind: "lines",
        queries: [
          {
            expr: `${confidence("bucket", "10m", 'le="0.8"')} / ${confidence("count", "10m")}`,
            legend: "at most 0.8",
          },
        ],
      },
      {
        id: "model-version",
        title: "Pods by model",
        description: "Two models at once only while a new one is taken up.",
        unit: "count",
        kind: "lines",
        queries: [
          {
            expr: `count by (name, version) (${seriesOf(target, METRIC.modelInfo)} == 1)`,
            legend: "{{name}} {{version}}",
          },
        ],
      },
    ],
  };
};
