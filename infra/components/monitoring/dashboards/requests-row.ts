import { METRIC } from "../../../../service/metric-names.ts";
import { seriesOf, type Target } from "../target.ts";
import { RATE, type Row } from "./panel.ts";

/** How much is asked, and how much of it fails or is refused. */
export const requestsRow = (target: Target): Row => {
  const rate = (...matchers: readonly string[]): string =>
    `rate(${seriesOf(target, METRIC.requests, 'route="/predict"', ...matchers)}[${RATE}])`;
  const share = (matcher: string): string =>
    `(sum(${rate(matcher)}) or 0 * sum(${rate()})) / sum(${rate()})`;
  return {
    title: "Requests",
    panels: [
      {
        id: "request-rate",
        title: "Predictions asked for, by status",
        description: "POST /predict, a second. 429 is refused because the service is full.",
        unit: "requests/s",
        kind: "lines",
        queries: [{ expr: `sum by (status) (${rate()})`, legend: "{{status}}" }],
      },
      {
        id: "error-rate",
        title: "Failed and refused",
        description: "Share of predictions that fail here (5xx) or are refused (429).",
        unit: "share",
        kind: "lines",
        queries: [
          { expr: share('status=~"5.."'), legend: "failed" },
          { expr: share('status="429"'), legend: "refused" },
        ],
      },
      {
        id: "request-count",
        title: "Predictions in the last hour",
        description: "POST /predict with any outcome.",
        unit: "count",
        kind: "number",
        queries: [
          {
            expr: `sum(increase(${seriesOf(target, METRIC.requests, 'route="/predict"')}[1h]))`,
            legend: "predictions",
          },
        ],
      },
      {
        id: "in-flight",
        title: "Requests under way",
        description: "Of all routes, without an answer yet.",
        unit: "count",
        kind: "lines",
        queries: [
          {
            expr: `sum by (pod) (${seriesOf(target, METRIC.requestsInFlight)})`,
            legend: "{{pod}}",
          },
        ],
      },
    ],
  };
};
