import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { batchesOf } from "./batches.ts";

const texts = (count: number, value: (i: number) => string) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`key ${i}`, value(i)]));
const metricsOf = (count: number) =>
  Array.from({ length: count }, (_, step) => ({ key: "loss", value: 0.5, step, timestamp: 1 }));

describe("batchesOf", () => {
  it("loses and doubles nothing, and stays within MLflow's limits", () => {
    fc.assert(
      fc.property(
        fc.nat(250),
        fc.nat(250),
        fc.nat(3500),
        fc.nat(6000),
        (params, tags, metrics, length) => {
          const given = {
            params: texts(params, (i) => `${i}${"é".repeat(length)}`),
            tags: texts(tags, String),
            metrics: metricsOf(metrics),
          };
          const batches = batchesOf(given);
          for (const batch of batches) {
            expect(batch.params.length).toBeLessThanOrEqual(100);
            expect(batch.tags.length).toBeLessThanOrEqual(100);
            const all = batch.params.length + batch.tags.length + batch.metrics.length;
            expect(all).toBeLessThanOrEqual(1000);
            expect(all).toBeGreaterThan(0);
            const body = JSON.stringify({ run_id: "0".repeat(256), ...batch });
            expect(Buffer.byteLength(body)).toBeLessThanOrEqual(1_000_000);
          }
          const pairs = (list: readonly { key: string; value: string }[]) =>
            Object.fromEntries(list.map(({ key, value }) => [key, value]));
          expect(pairs(batches.flatMap((batch) => batch.params))).toEqual(given.params);
          expect(pairs(batches.flatMap((batch) => batch.tags))).toEqual(given.tags);
          expect(batches.flatMap((batch) => batch.metrics)).toEqual(given.metrics);
        },
      ),
      { numRuns: 25 },
    );
  });

  it("needs one request for what fits into one, and none for nothing", () => {
    const params = texts(100, String);
    expect(batchesOf({ params, tags: texts(100, String), metrics: metricsOf(800) })).toHaveLength(
      1,
    );
    expect(batchesOf({ params, tags: {}, metrics: metricsOf(901) })).toHaveLength(2);
    expect(batchesOf({ params: {}, tags: {}, metrics: [] })).toEqual([]);
  });
});
