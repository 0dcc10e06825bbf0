import { escapeText, htmlDocument } from "../html/document.ts";
import { format } from "./format.ts";
import { heatmap } from "./heatmap.ts";
import { COLOURS, lineChart } from "./line-chart.ts";
import { readPanels, type StatusPanel } from "./panels.ts";
import { queryPanel, type Range, type Series } from "./prometheus.ts";
import { CHART_STYLE } from "./style.ts";

/** Where the page's figures come from. */
export type StatusSource = {
  /** Address of Prometheus. */
  readonly prometheusUrl: string;
  /** Path of the panels' file. */
  readonly panels: string;
};

const RANGE_SECONDS = 1800;
const STEP_SECONDS = 15;
/** However often people look, Prometheus is asked once in this time. */
const CACHE_MS = 10_000;

const document = (body: string): string =>
  htmlDocument({
    title: "Status of the image classification service",
    style: CHART_STYLE,
    head: '<meta http-equiv="refresh" content="30">',
    body,
  });

/** The page where no monitoring is set up. */
export const statusWithoutMonitoring = (): string =>
  document("<p>Monitoring is off: PROMETHEUS_URL and STATUS_PANELS are not set.</p>");

/** Last, lowest and highest value of each series: what a chart says to those who do not see it. */
const table = (series: readonly Series[], { unit, title }: StatusPanel): string => {
  const rows = series.map(({ name, points }) => {
    const values = points.map(([, value]) => value);
    const cells = [values.at(-1) ?? 0, Math.min(...values), Math.max(...values)];
    return `<tr><th scope="row">${escapeText(name)}</th>${cells.map((value) => `<td>${escapeText(format(value, unit))}</td>`).join("")}</tr>`;
  });
  return `<details><summary>Figures</summary><table><caption>${escapeText(title)}</caption><thead><tr><th scope="col">Series</th><th scope="col">Now</th><th scope="col">Lowest</th><th scope="col">Highest</th></tr></thead><tbody>${rows.join("")}</tbody></table></details>`;
};

const legend = (series: readonly Series[], unit: StatusPanel["unit"]): string =>
  `<ul class="legend">${series
    .map(
      ({ name, points }, index) =>
        `<li><i style="background:var(--c${index % COLOURS})"></i>${escapeText(name)} <b>${escapeText(format(points.at(-1)?.[1] ?? 0, unit))}</b></li>`,
    )
    .join("")}</ul>`;

const drawing = (panel: StatusPanel, series: readonly Series[], range: Range): string => {
  const options = { unit: panel.unit, range, label: panel.title };
  switch (panel.kind) {
    case "number":
      return series
        .map(
          ({ points }) =>
            `<p class="number">${escapeText(format(points.at(-1)?.[1] ?? 0, panel.unit))}</p>`,
        )
        .join("");
    case "heatmap":
      // Its bands are latencies, whatever is counted in them.
      return heatmap(series, { ...options, unit: "seconds" });
    case "lines":
      return lineChart(series, options) + legend(series, panel.unit);
  }
};

const figure = (panel: StatusPanel, series: readonly Series[], range: Range): string =>
  `<figure id="${escapeText(panel.id)}"><figcaption><h3>${escapeText(panel.title)}</h3><p>${escapeText(panel.description)}</p></figcaption>${
    series.length === 0
      ? '<p class="empty">no data yet</p>'
      : drawing(panel, series, range) + table(series, panel)
  }</figure>`;

const render = async ({ prometheusUrl, panels }: StatusSource, now: number): Promise<string> => {
  const end = Math.floor(now / 1000 / STEP_SECONDS) * STEP_SECONDS;
  const range = { start: end - RANGE_SECONDS, end, step: STEP_SECONDS };
  const rows = await Promise.all(
    (await readPanels(panels)).map(async (row) => {
      const figures = await Promise.all(
        row.panels.map(async (panel) =>
          figure(panel, await queryPanel(prometheusUrl, panel, range), range),
        ),
      );
      return `<section><h2>${escapeText(row.title)}</h2><div class="panels">${figures.join("")}</div></section>`;
    }),
  );
  return document(
    `<p>The last ${RANGE_SECONDS / 60} minutes, as of ${new Date(now).toISOString()}.</p>${rows.join("")}`,
  );
};

/** Makes the page on demand, and at most once in ten seconds. What is returned rejects when Prometheus does not answer. */
export const createStatusPage = (source: StatusSource): (() => Promise<string>) => {
  let page: Promise<string> | undefined;
  let madeAt = 0;
  return () => {
    const now = Date.now();
    if (page === undefined || now - madeAt > CACHE_MS) {
      madeAt = now;
      page = render(source, now);
    }
    return page;
  };
};

/** The page when its figures cannot be had; the log has the reason. */
export const statusUnavailable = (): string =>
  document(
    "<p>Prometheus gives no figures at the moment. This page asks again by itself; the service's log has the reason.</p>",
  );
