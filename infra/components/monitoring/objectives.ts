import { METRIC } from "../../../service/metric-names.ts";
import type { Slo } from "./slo.ts";
import { seriesOf, type Target } from "./target.ts";

const PREDICT = 'route="/predict"';

/** The latency that nearly every answer stays below, seconds; a bucket of the service's histogram ends there. */
const LATENCY_BOUND = 0.25;

/**
 * What the inference service promises. A request that it refuses with 429 is neither good nor bad: the service protects
 * itself so that the others are answered, says when to come back, and `RequestsRefused` watches how often. Nor does one
 * count that its client gave up (499). What a client did wrong (other 4xx) was answered rightly.
 */
export const serviceObjectives = (target: Target): readonly Slo[] => {
  const rate = (metric: string, window: string, ...matchers: readonly string[]): string =>
    `sum(rate(${seriesOf(target, metric, PREDICT, ...matchers)}[${window}]))`;
  return [
    {
      name: "availability",
      alert: "AvailabilityBudgetBurn",
      objective: 0.995,
      badEvents: "predictions fail (5xx)",
      bad: (window) => rate(METRIC.requests, window, 'status=~"5.."'),
      total: (window) => rate(METRIC.requests, window, 'status!~"429|499"'),
    },
    {
      name: "latency",
      alert: "LatencyBudgetBurn",
      objective: 0.99,
      badEvents: `predictions take longer than ${LATENCY_BOUND * 1000} ms`,
      bad: (window) => {
        const all = rate(`${METRIC.requestDuration}_count`, window, 'status="200"');
        const fast = rate(
          `${METRIC.requestDuration}_bucket`,
          window,
          'status="200"',
          `le="${LATENCY_BOUND}"`,
        );
        return `(${all} - ${fast})`;
      },
      total: (window) => rate(`${METRIC.requestDuration}_count`, window, 'status="200"'),
    },
  ];
};
