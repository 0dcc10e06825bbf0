/** One PromQL query of a panel, and how its series are called (`{{label}}` is replaced). */
type Query = { readonly expr: string; readonly legend: string };

/** What a panel's numbers are. */
export type Unit = "requests/s" | "seconds" | "share" | "cores" | "bytes" | "count" | "per second";

/** A question and the queries that answer it: drawn by Grafana, and by the service's /status page. */
export type Panel = {
  /** Kebab-case, unique in all rows. */
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly unit: Unit;
  /** A heat map's queries give one series a bucket, called by its upper bound. */
  readonly kind: "lines" | "number" | "heatmap";
  readonly queries: readonly Query[];
};

/** Panels that belong together. */
export type Row = { readonly title: string; readonly panels: readonly Panel[] };

/** The window of rates: Grafana puts four scrapes or the distance of two points, whatever is longer. */
export const RATE = "$__rate_interval";
