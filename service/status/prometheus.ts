import { z } from "zod";
import type { StatusPanel } from "./panels.ts";

/** A moment (Unix seconds) and a value. */
export type Point = readonly [time: number, value: number];

/** A line of a chart. */
export type Series = { readonly name: string; readonly points: readonly Point[] };

/** Time that a chart covers, Unix seconds, and the distance of its points, seconds. */
export type Range = { readonly start: number; readonly end: number; readonly step: number };

const TIMEOUT_MS = 5000;

const answerSchema = z.object({
  data: z.object({
    result: z.array(
      z.object({
        metric: z.record(z.string(), z.string()),
        values: z.array(z.tuple([z.number(), z.string()])),
      }),
    ),
  }),
});

const nameOf = (legend: string, labels: Readonly<Record<string, string>>): string =>
  legend.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, label: string) => labels[label] ?? "");

/**
 * Asks Prometheus for the series of a panel; values that are no numbers are left out.
 *
 * @param base address of Prometheus
 * @throws Error when it does not answer in time, or refuses the query
 * @see https://prometheus.io/docs/prometheus/latest/querying/api/ range queries
 */
export const queryPanel = async (
  base: string,
  { queries }: StatusPanel,
  { start, end, step }: Range,
): Promise<readonly Series[]> => {
  const answers = await Promise.all(
    queries.map(async ({ expr, legend }) => {
      const response = await fetch(new URL("/api/v1/query_range", base), {
        method: "POST",
        body: new URLSearchParams({
          query: expr,
          start: String(start),
          end: String(end),
          step: String(step),
        }),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      if (!response.ok) throw new Error(`Prometheus answers ${response.status}`);
      const { data } = answerSchema.parse(await response.json());
      return data.result.map(({ metric, values }) => ({
        name: nameOf(legend, metric),
        points: values
          .map(([time, value]) => [time, Number(value)] as const)
          .filter(([, value]) => Number.isFinite(value)),
      }));
    }),
  );
  return answers.flat().filter(({ points }) => points.length > 0);
};
