import { escapeText, htmlDocument } from "../html/document.ts";
import { format } from "./format.ts";
import { heatmap } from "./heatmap.ts";
import { COLOURS, lineChart } from "./line-chart.ts";
import { readPanels, type StatusPanel } from "./panels.ts";
import { queryPanel, type Range, type Series } from "./prometheus.ts";
import { CHART_STYLE } from "./style.ts";
import { writeNow } from "./write-now.ts";

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

const REFRESH_SECONDS = "30";

/**
 * A page that loads itself again only for those who asked for it: that closes what they opened, and takes the focus away.
 *
 * @param refresh what the address says behind `refresh=`; anything but 30 counts for nothing
 */
const document = (body: string, refresh: string | undefined): string => {
  const on = refresh === REFRESH_SECONDS;
  const link = on
    ? '<a href="/status">Stop refreshing</a>'
    : `<a href="/status?refresh=${REFRESH_SECONDS}">Refresh every ${REFRESH_SECONDS} seconds</a>`;
  return htmlDocument({
    title: "Status of the image classification service",
    style: CHART_STYLE,
    head: on ? `<meta http-equiv="refresh" content="${REFRESH_SECONDS}">` : "",
    body: `<p>${link}</p>${body}`,
  });
};

/** The page where no monitoring is set up. */
export const statusWithoutMonitoring = (refresh?: string): string =>
  document("<p>Monitoring is off: PROMETHEUS_URL and STATUS_PANELS are not set.</p>", refresh);

/** Present, lowest and highest value of each series: what a chart says to those who do not see it. */
const table = (series: readonly Series[], { unit, title }: StatusPanel, range: Range): string => {
  const rows = series.map((one) => {
    const values = one.points.map(([, value]) => value);
    const extremes = [Math.min(...values), Math.max(...values)];
    const cells = [writeNow(one, unit, range), ...extremes.map((value) => format(value, unit))];
    return `<tr><th scope="row">${escapeText(one.name)}</th>${cells.map((cell) => `<td>${escapeText(cell)}</td>`).join("")}</tr>`;
  });
  return `<details><summary>Figures</summary><table><caption>${escapeText(title)}</caption><thead><tr><th scope="col">Series</th><th scope="col">Now</th><th scope="col">Lowest</th><th scope="col">Highest</th></tr></thead><tbody>${rows.join("")}</tbody></table></details>`;
};

const legend = (series: readonly Series[], unit: StatusPanel["unit"], range: Range): string =>
  `<ul class="legend">${series
    .map(
      (one, index) =>
        `<li><i style="background:var(--c${index % COLOURS})"></i>${escapeText(one.name)} <b>${escapeText(writeNow(one, unit, range))}</b></li>`,
    )
    .join("")}</ul>`;

const drawing = (panel: StatusPanel, series: readonly Series[], range: Range): string => {
  const options = { unit: panel.unit, range, label: panel.title };
  switch (panel.kind) {
    case "number":
      return series
        .map((one) => `<p class="number">${escapeText(writeNow(one, panel.unit, range))}</p>`)
        .join("");
    case "heatmap":
      // Its bands are latencies, whatever is counted in them.
      return heatmap(series, { ...options, unit: "seconds" });
    case "lines":
      return lineChart(series, options) + legend(series, panel.unit, range);
  }
};

const figure = (panel: StatusPanel, series: readonly Series[], range: Range): string =>
  `<figure id="${escapeText(panel.id)}"><figcaption><h3>${escapeText(panel.title)}</h3><p>${escapeText(panel.description)}</p></figcaption>${
    series.length === 0
      ? '<p class="empty">no data yet</p>'
      : drawing(panel, series, range) + table(series, panel, range)
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
  return `<p>The last ${RANGE_SECONDS / 60} minutes, as of ${new Date(now).toISOString()}.</p>${rows.join("")}`;
};

/**
 * Makes the page on demand, its figures at most once in ten seconds. What is returned rejects when Prometheus does not
 * answer.
 */
export const createStatusPage = (source: StatusSource): ((refresh?: string) => Promise<string>) => {
  let figures: Promise<string> | undefined;
  let madeAt = 0;
  return async (refresh) => {
    const now = Date.now();
    if (figures === undefined || now - madeAt > CACHE_MS) {
      madeAt = now;
      figures = render(source, now);
    }
    return document(await figures, refresh);
  };
};

/** The page when its figures cannot be had; the log has the reason. */
export const statusUnavailable = (refresh?: string): string =>
  document(
    "<p>Prometheus gives no figures at the moment. Load the page again soon; the service's log has the reason.</p>",
    refresh,
  );
