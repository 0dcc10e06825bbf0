import { RATE, type Row } from "./panel.ts";

/** Four scrapes: what Grafana takes for {@link RATE} on a short range. */
const RATE_WINDOW = "1m";

/** The rows as the file that the service's /status page reads. */
export const statusPanels = (rows: readonly Row[]): string =>
  JSON.stringify({ rows }, null, 1).replaceAll(RATE, RATE_WINDOW);
