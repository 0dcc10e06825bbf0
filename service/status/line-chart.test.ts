import { describe, expect, it } from "vitest";
import { lineChart } from "./line-chart.ts";
import type { Point } from "./prometheus.ts";

const range = { start: 0, end: 150, step: 15 };
const draw = (...points: readonly Point[]): string =>
  lineChart([{ name: "a", points }], { unit: "count", range, label: "A" });
const moves = (svg: string): number => (/ d="([^"]*)"/.exec(svg)?.[1]?.match(/M/g) ?? []).length;

describe("lineChart", () => {
  it("joins neighbours and leaves gaps", () => {
    expect(moves(draw([0, 1], [15, 2], [30, 3]))).toBe(1);
    expect(moves(draw([0, 1], [15, 2], [90, 3]))).toBe(2);
  });

  it("puts the first moment left and the last one right", () => {
    expect(draw([0, 1])).toContain('d="M62.0 ');
    expect(draw([150, 1])).toContain('d="M412.0 ');
  });

  it("starts at zero, and ends at a round number above everything", () => {
    const labels = [...draw([0, 37]).matchAll(/text-anchor="end">([^<]*)</g)].map(
      ([, text]) => text,
    );
    expect(labels.slice(0, 3)).toEqual(["0", "25", "50"]);
  });

  it("goes below zero when values do", () => {
    const labels = [...draw([0, -3], [15, 4]).matchAll(/text-anchor="end">([^<]*)</g)];
    expect(labels[0]?.[1]).toBe("-5");
  });

  it("draws nothing without numbers, and does not fail", () => {
    expect(draw()).toContain("<svg");
  });
});
