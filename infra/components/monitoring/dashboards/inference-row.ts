import { METRIC } from "../../../../service/metric-names.ts";
import { seriesOf, type Target } from "../target.ts";
import { RATE, type Row } from "./panel.ts";

/** What happens inside of the service. */
export const inferenceRow = (target: Target): Row => {
  const stage = (part: string): string =>
    `rate(${seriesOf(target, `${METRIC.stageDuration}_${part}`)}[${RATE}])`;
  return {
    title: "Inference",
    panels: [
      {
        id: "stage-durations",
        title: "Time in each stage, 95 %",
        description: "Of one image: waiting for a worker, decoding, running the network.",
        unit: "seconds",
        kind: "lines",
        queries: [
          {
            expr: `histogram_quantile(0.95, sum by (le, stage) (${stage("bucket")}))`,
            legend: "{{stage}}",
          },
        ],
      },
      {
        id: "queue-depth",
        title: "Images that wait for a worker",
        description: "At the moment of each scrape.",
        unit: "count",
        kind: "lines",
        queries: [
          { expr: `sum by (pod) (${seriesOf(target, METRIC.queueDepth)})`, legend: "{{pod}}" },
        ],
      },
      {
        id: "workers-ready",
        title: "Workers that can answer",
        description: "Fewer than usual for longer than a moment: look for worker faults.",
        unit: "count",
        kind: "lines",
        queries: [
          { expr: `sum by (pod) (${seriesOf(target, METRIC.workersReady)})`, legend: "{{pod}}" },
        ],
      },
      {
        id: "failures",
        title: "Predictions not made, by reason",
        description: "rejected: overload or form; decode: no usable image; backend: a fault here.",
        unit: "per second",
        kind: "lines",
        queries: [
          {
            expr: `sum by (reason) (rate(${seriesOf(target, METRIC.failures)}[${RATE}]))`,
            legend: "{{reason}}",
          },
        ],
      },
      {
        id: "faults",
        title: "Worker faults and refused models in the last hour",
        description: "Both are zero on a good day.",
        unit: "count",
        kind: "lines",
        queries: [
          {
            expr: `sum by (fault) (increase(${seriesOf(target, METRIC.workerFaults)}[1h]))`,
            legend: "{{fault}}",
          },
          {
            expr: `sum by (reason) (increase(${seriesOf(target, METRIC.modelRefusals)}[1h]))`,
            legend: "model refused: {{reason}}",
          },
        ],
      },
    ],
  };
};
