import { describe, expect, it } from "vitest";
import { binOf, driftReferenceSchema, makeDriftReference } from "./drift-reference.ts";
import { project } from "./projection.ts";

const photos = (count: number) =>
  Array.from({ length: count }, (_, i) => ({
    confidence: 0.5 + (0.5 * i) / count,
    embedding: Float32Array.from({ length: 64 }, (_, k) => Math.sin(i + k)),
  }));

describe("makeDriftReference", () => {
  it("counts each photo once, and directions in bins of about the same number", () => {
    const reference = makeDriftReference(photos(400));
    expect(driftReferenceSchema.parse(JSON.parse(JSON.stringify(reference)))).toEqual(reference);
    expect(reference.count).toBe(400);
    expect(reference.projections).toHaveLength(8);
    for (const { counts } of [reference.confidence, ...reference.projections]) {
      expect(counts.reduce((a, b) => a + b)).toBe(400);
    }
    for (const { counts } of reference.projections) {
      expect(counts).toHaveLength(10);
      for (const count of counts) expect(count).toBeCloseTo(40, -1);
    }
  });

  it("takes fewer bins for few photos, and bears photos that are all alike", () => {
    const [first] = makeDriftReference(photos(40)).projections;
    expect(first?.counts).toHaveLength(5);
    const alike = makeDriftReference(new Array(40).fill(photos(1)[0]));
    expect(driftReferenceSchema.parse(alike)).toEqual(alike);
  });
});

describe("project", () => {
  it("goes the same directions on every machine and in every version", () => {
    const one = (index: number) => Float32Array.from({ length: 1280 }, (_, i) => +(i === index));
    const signs = [0, 1, 1279].map((index) =>
      project(one(index))
        .map((value) => (value > 0 ? "+" : "-"))
        .join(""),
    );
    expect(signs).toMatchInlineSnapshot(`
      [
        "+-+--+++",
        "+++-+---",
        "+--+---+",
      ]
    `);
  });

  it("has as many of either sign, and directions that have nothing in common", () => {
    const signsOf = (direction: number): number[] =>
      Array.from({ length: 1280 }, (_, index) => {
        const one = Float32Array.from({ length: 1280 }, (_, i) => +(i === index));
        return Math.sign(project(one)[direction] ?? 0);
      });
    const all = Array.from({ length: 8 }, (_, direction) => signsOf(direction));
    const limit = 4 * Math.sqrt(1280);
    for (const [i, a] of all.entries()) {
      expect(Math.abs(a.reduce((x, y) => x + y))).toBeLessThan(limit);
      for (const b of all.slice(i + 1)) {
        expect(Math.abs(a.reduce((sum, x, k) => sum + x * (b[k] ?? 0), 0))).toBeLessThan(limit);
      }
    }
  });
});

it("puts a value that an edge is into the bin above", () => {
  expect([0.1, 0.5, 0.7, 0.9, 2].map((value) => binOf([0.5, 0.9], value))).toEqual([0, 1, 1, 2, 2]);
});
