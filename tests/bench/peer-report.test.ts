import { describe, expect, it } from "vitest";
import type { Slice } from "./contenders.ts";
import { type PeerSlices, peerRows } from "./peer-report.ts";
import { pairedRatios } from "./report.ts";

const slice = (rate: number, took: readonly number[] = [10], failed = 0): Slice => ({
  ...{ rate, took, failed },
  probes: [],
});

const repetition = (slices: Partial<PeerSlices>) => ({
  slices: { c1: {}, c8: {}, c32: {}, large1: {}, large8: {}, ...slices },
  memory: { service: 100, bentoml: 200, mlserver: 400 },
  foreignCores: 0.1,
});

describe("pairedRatios", () => {
  it("divides neighbours, not medians", () => {
    const ratios = pairedRatios([slice(10), slice(40)], [slice(5), slice(80)], (s) => s.rate);
    expect(ratios).toEqual([2, 0.5]);
  });

  it("leaves out what has no neighbour", () => {
    expect(pairedRatios([slice(10), slice(40)], [slice(5)], (s) => s.rate)).toEqual([2]);
  });
});

describe("peerRows", () => {
  it("has rows of those who took part only", () => {
    const c8 = { service: [slice(150), slice(150)], bentoml: [slice(100), slice(75)] };
    const figures = peerRows([repetition({ c8 })]).map(({ figure }) => figure);
    expect(figures).toContain("service / BentoML, fp32, img/s, 8 clients");
    expect(figures.some((figure) => figure.includes("int8"))).toBe(false);
    expect(figures.filter((figure) => figure.includes("clients"))).toHaveLength(1);
  });

  it("says how many times as fast the service is, where that is asked", () => {
    const large1 = { service: [slice(1, [20, 20, 500])], fastapi: [slice(1, [10, 50, 60])] };
    const [row] = peerRows([repetition({ large1 })]);
    expect(row?.figure).toBe(
      "service / FastAPI, 2 workers, fp32, 12 megapixels, times as fast, 1 client",
    );
    expect(row?.spread.median).toBe(2.5);
  });

  it("counts what the service failed to answer, and what peers did", () => {
    const c8 = { service: [slice(1, [], 1)], mlserver: [slice(1, [], 3), slice(1, [], 2)] };
    const rows = peerRows([repetition({ c8 })]).filter(({ figure }) => figure.includes("failed"));
    expect(rows.map(({ spread }) => spread.median)).toEqual([1, 5]);
  });
});
