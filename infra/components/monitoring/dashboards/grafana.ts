import { VizLegendOptionsBuilder } from "@grafana/grafana-foundation-sdk/common";
import { DashboardBuilder, RowBuilder } from "@grafana/grafana-foundation-sdk/dashboard";
import { PanelBuilder as HeatmapBuilder } from "@grafana/grafana-foundation-sdk/heatmap";
import { DataqueryBuilder, PromQueryFormat } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder as StatBuilder } from "@grafana/grafana-foundation-sdk/stat";
import { PanelBuilder as TimeseriesBuilder } from "@grafana/grafana-foundation-sdk/timeseries";
import type { Panel, Row, Unit } from "./panel.ts";

/** The data source of this uid is Prometheus: kube-prometheus-stack provisions it under that name. */
const DATASOURCE = { type: "prometheus", uid: "prometheus" };

/** Grafana's names of the units. */
const UNITS: Readonly<Record<Unit, string>> = {
  "requests/s": "reqps",
  seconds: "s",
  share: "percentunit",
  cores: "none",
  bytes: "bytes",
  count: "short",
  "per second": "ops",
};

const HEIGHT = 8;
const SPAN = 8;

const query = (panel: Panel, index: number): DataqueryBuilder => {
  const { expr, legend } = panel.queries[index] ?? { expr: "", legend: "" };
  const builder = new DataqueryBuilder()
    .datasource(DATASOURCE)
    .refId(String.fromCharCode("A".charCodeAt(0) + index))
    .expr(expr)
    .legendFormat(legend);
  return panel.kind === "heatmap" ? builder.format(PromQueryFormat.Heatmap) : builder;
};

const builderOf = (kind: Panel["kind"]): TimeseriesBuilder | StatBuilder | HeatmapBuilder => {
  switch (kind) {
    case "lines":
      return new TimeseriesBuilder().legend(new VizLegendOptionsBuilder().showLegend(true));
    case "number":
      return new StatBuilder();
    case "heatmap":
      return new HeatmapBuilder();
  }
};

const panelOf = (panel: Panel): TimeseriesBuilder | StatBuilder | HeatmapBuilder =>
  builderOf(panel.kind)
    .title(panel.title)
    .description(panel.description)
    .datasource(DATASOURCE)
    .unit(UNITS[panel.unit])
    .height(HEIGHT)
    .span(SPAN)
    .targets(panel.queries.map((_, index) => query(panel, index)));

/** A Grafana dashboard of the rows, as JSON. @param uid its address in Grafana, stable for links */
export const grafanaDashboard = (uid: string, title: string, rows: readonly Row[]): string => {
  const dashboard = new DashboardBuilder(title)
    .uid(uid)
    .tags(["image-classification-platform"])
    .readonly()
    .refresh("30s")
    .time({ from: "now-1h", to: "now" })
    .timezone("browser");
  for (const row of rows) {
    dashboard.withRow(new RowBuilder(row.title));
    for (const panel of row.panels) dashboard.withPanel(panelOf(panel));
  }
  return JSON.stringify(dashboard.build(), null, 2);
};
