import { METRIC } from "../../../service/metric-names.ts";
import { CONTAINER_METRICS } from "./container-metrics.ts";
import { serviceObjectives } from "./objectives.ts";
import { type Rule, type RuleGroup, sloRules } from "./slo.ts";
import { seriesOf, type Target } from "./target.ts";

type Alert = {
  readonly name: string;
  readonly expr: string;
  readonly for?: string;
  readonly severity: "page" | "ticket";
  readonly summary: string;
};

/** File name of an alert's runbook: `ServiceDown` is service-down.md. */
export const runbookOf = (alert: string): string =>
  `${alert.replace(/(?<!^)[A-Z]/g, "-$&").toLowerCase()}.md`;

const causes = (target: Target): readonly Alert[] => {
  const requests = (...matchers: readonly string[]): string =>
    `sum(rate(${seriesOf(target, METRIC.requests, 'route="/predict"', ...matchers)}[5m]))`;
  const drift = (metric: string): string => seriesOf(target, metric, 'source!="sample"');
  const { namespace } = target;
  return [
    {
      name: "ServiceDown",
      expr: `absent(${seriesOf(target, "up")} == 1)`,
      for: "2m",
      severity: "page",
      summary: "No pod of the inference service answers Prometheus.",
    },
    {
      name: "RequestsRefused",
      expr: `${requests('status="429"')} / ${requests()} > 0.05`,
      for: "10m",
      severity: "ticket",
      summary: "More than one request in twenty is refused because the service is full.",
    },
    {
      name: "ModelRefused",
      expr: `sum by (reason) (increase(${seriesOf(target, METRIC.modelRefusals, 'reason!="missing"')}[15m])) > 0`,
      severity: "ticket",
      summary:
        "A model that was offered is refused ({{ $labels.reason }}); the old one keeps serving.",
    },
    {
      name: "WorkerFaults",
      expr: `sum by (fault) (increase(${seriesOf(target, METRIC.workerFaults)}[15m])) > 0`,
      severity: "ticket",
      summary: "Workers of the inference service end unasked ({{ $labels.fault }}).",
    },
    {
      name: "PredictionDrift",
      // Drawings are no measure for photos: a model that was trained on them finds every photo strange.
      expr: `max by (of) (${drift(METRIC.drift)} > 0.25 and ${drift(METRIC.drift)} > ${drift(METRIC.driftBound)})`,
      for: "30m",
      severity: "ticket",
      summary:
        "The photos that come differ from those of training ({{ $labels.of }}): population stability index {{ $value }}.",
    },
    {
      name: "ContainerRestarts",
      expr: `count by (pod, container) (last_over_time(${CONTAINER_METRICS.startTime}{namespace="${namespace}",container!=""}[1h])) > 3`,
      severity: "ticket",
      summary:
        "Container {{ $labels.container }} of {{ $labels.pod }} started more than three times within an hour.",
    },
    {
      name: "TargetDown",
      expr: "up == 0",
      for: "5m",
      severity: "ticket",
      summary: "Prometheus cannot scrape {{ $labels.job }} at {{ $labels.instance }}.",
    },
  ];
};

/**
 * All rules of the platform: the objectives' recordings and alerts, alerts on causes, and one that always fires, by whose
 * absence a receiver knows that alerting itself is broken.
 *
 * @param runbooks what the links to runbooks start with
 */
export const platformRules = (target: Target, runbooks: string): readonly RuleGroup[] => {
  const runbookUrl = (alert: string): string => `${runbooks}/${runbookOf(alert)}`;
  const alerts: readonly Rule[] = causes(target).map(({ name, severity, summary, ...rule }) => ({
    alert: name,
    ...rule,
    labels: { severity },
    annotations: { summary, runbook_url: runbookUrl(name) },
  }));
  const watchdog: Rule = {
    alert: "Watchdog",
    expr: "vector(1)",
    labels: { severity: "none" },
    annotations: {
      summary: "Alerting works: this alert always fires.",
      runbook_url: runbookUrl("Watchdog"),
    },
  };
  return [
    ...serviceObjectives(target).flatMap((slo) => sloRules(slo, runbookUrl(slo.alert))),
    { name: "causes", rules: alerts },
    { name: "watchdog", rules: [watchdog] },
  ];
};
