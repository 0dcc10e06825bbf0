import type { RunRecord } from "./run-record.ts";

type Entry = { readonly key: string; readonly value: string };

/** One request to `runs/log-batch`, without the run's id. */
export type Batch = {
  readonly metrics: RunRecord["metrics"];
  readonly params: Entry[];
  readonly tags: Entry[];
};

/**
 * What one request may hold: 1 MB, 1,000 items, of them 100 params and 100 tags.
 *
 * @see https://mlflow.org/docs/latest/rest-api.html (Log Batch)
 */
const LIMITS = { bytes: 1_000_000, items: 1000, metrics: 1000, params: 100, tags: 100 } as const;
/** Left for the braces, the names of the lists and the run's id. */
const ENVELOPE = 1000;

const entries = (values: Readonly<Record<string, string>>): Entry[] =>
  Object.entries(values).map(([key, value]) => ({ key, value }));

/** Splits a run's numbers and texts into requests that MLflow accepts, in their order. */
export const batchesOf = ({
  metrics,
  params,
  tags,
}: Pick<RunRecord, "metrics" | "params" | "tags">): readonly Batch[] => {
  const lists = { params: entries(params), tags: entries(tags), metrics };
  const batches: Batch[] = [];
  let current: Batch = { metrics: [], params: [], tags: [] };
  let items = 0;
  let bytes = ENVELOPE;
  for (const list of ["params", "tags", "metrics"] as const) {
    for (const item of lists[list]) {
      const size = Buffer.byteLength(JSON.stringify(item)) + 1;
      const full =
        items >= LIMITS.items ||
        current[list].length >= LIMITS[list] ||
        bytes + size > LIMITS.bytes;
      if (full) {
        batches.push(current);
        current = { metrics: [], params: [], tags: [] };
        items = 0;
        bytes = ENVELOPE;
      }
      (current[list] as (typeof item)[]).push(item);
      items++;
      bytes += size;
    }
  }
  return items > 0 ? [...batches, current] : batches;
};
