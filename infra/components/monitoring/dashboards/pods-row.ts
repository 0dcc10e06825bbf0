import { CONTAINER_METRICS } from "../container-metrics.ts";
import type { Target } from "../target.ts";
import { RATE, type Row } from "./panel.ts";

/** What the platform's pods use. */
export const podsRow = ({ namespace }: Target): Row => {
  const containers = `{namespace="${namespace}",container!=""}`;
  return {
    title: "Pods",
    panels: [
      {
        id: "pod-cpu",
        title: "CPU by pod",
        description: "Cores in use.",
        unit: "cores",
        kind: "lines",
        queries: [
          {
            expr: `sum by (pod) (rate(${CONTAINER_METRICS.cpuSeconds}${containers}[${RATE}]))`,
            legend: "{{pod}}",
          },
        ],
      },
      {
        id: "pod-memory",
        title: "Memory by pod",
        description: "Working set: what counts against the limit.",
        unit: "bytes",
        kind: "lines",
        queries: [
          {
            expr: `sum by (pod) (${CONTAINER_METRICS.workingSet}${containers})`,
            legend: "{{pod}}",
          },
        ],
      },
      {
        id: "pod-restarts",
        title: "Restarts of containers in the last hour",
        description:
          "Each start is a container of its own to cAdvisor; the first is none too many.",
        unit: "count",
        kind: "lines",
        queries: [
          {
            expr: `count by (pod, container) (last_over_time(${CONTAINER_METRICS.startTime}${containers}[1h])) - 1`,
            legend: "{{pod}} {{container}}",
          },
        ],
      },
    ],
  };
};
