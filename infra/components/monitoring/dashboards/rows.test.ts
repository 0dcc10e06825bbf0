import { describe, expect, it } from "vitest";
import { METRIC } from "../../../../service/metric-names.ts";
import { platformRules } from "../alerts.ts";
import { ARGO_CD_METRICS } from "../argo-cd-metrics.ts";
import { CONTAINER_METRICS } from "../container-metrics.ts";
import { grafanaDashboard } from "./grafana.ts";
import { dashboardRows } from "./rows.ts";
import { statusPanels } from "./status-panels.ts";

const target = { namespace: "lab", job: "api" };
const rows = dashboardRows(target, "app");
const panels = rows.flatMap((row) => row.panels);
const queries = panels.flatMap((panel) => panel.queries);

/** What the queries may ask for besides the service's own metrics. */
const OTHERS = [
  ...Object.values(ARGO_CD_METRICS),
  ...Object.values(CONTAINER_METRICS),
  "node_cpu_seconds_total",
  "node_memory_MemAvailable_bytes",
  "up",
];
const recorded = platformRules(target, "")
  .flatMap(({ rules }) => rules)
  .flatMap(({ record }) => record ?? []);

/** Names of metrics in a query: what stands before a brace or alone, without the parts of a histogram. */
const metricsIn = (expr: string): readonly string[] =>
  [...expr.matchAll(/[a-z_:]+[a-z0-9]*(?=\{)|slo:[a-z_:0-9]+|node_\w+/gi)].map(([name]) =>
    name.replace(/_(bucket|sum|count)$/, ""),
  );

describe("the dashboards", () => {
  it("ask only for metrics that exist", () => {
    const known = new Set<string>([...Object.values(METRIC), ...OTHERS, ...recorded]);
    for (const { expr } of queries) {
      const names = metricsIn(expr);
      expect(names, expr).not.toEqual([]);
      expect(
        names.filter((name) => !known.has(name)),
        expr,
      ).toEqual([]);
    }
  });

  it("ask for the service's own series only", () => {
    const own = new RegExp(`(${Object.values(METRIC).join("|")})(_bucket|_sum|_count)?\\{`);
    for (const { expr } of queries.filter((query) => own.test(query.expr))) {
      expect(expr).toContain('namespace="lab",job="api"');
    }
  });

  it("give every panel an id of its own", () => {
    const ids = panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^[a-z-]+$/);
  });

  it("show Argo CD's state of one Application, where there is one", () => {
    const about = (application?: string) =>
      dashboardRows(target, application)
        .flatMap((row) => row.panels)
        .flatMap((panel) => panel.queries)
        .filter(({ expr }) => expr.includes("argocd_"));
    expect(about()).toEqual([]);
    const shown = about("app");
    expect(shown).not.toEqual([]);
    for (const { expr } of shown) expect(expr).toContain('{name="app"}');
  });

  it("show the same queries in Grafana", () => {
    const dashboard = JSON.parse(grafanaDashboard("lab", "Lab", rows));
    const shown = dashboard.panels.flatMap(
      ({ targets = [] }: { targets?: { expr: string }[] }) => targets,
    );
    expect(shown.map(({ expr }: { expr: string }) => expr)).toEqual(
      queries.map(({ expr }) => expr),
    );
    expect(
      new Set(shown.map(({ datasource }: { datasource: { uid: string } }) => datasource.uid)),
    ).toEqual(new Set(["prometheus"]));
  });

  it("have a window that Prometheus itself understands on /status", () => {
    const file = statusPanels(rows);
    expect(file).not.toContain("$__");
    expect(JSON.parse(file).rows).toHaveLength(rows.length);
  });
});
