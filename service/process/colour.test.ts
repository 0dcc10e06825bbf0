import { describe, expect, it } from "vitest";
import { dominantColour, nameColour, toLab } from "./colour.ts";
import type { Mask, Picture } from "./picture.ts";

const SIDE = 20;
type Rgb = readonly [number, number, number];
const paint = (colour: (x: number) => Rgb): Picture => ({
  width: SIDE,
  height: SIDE,
  data: Uint8Array.from(Array.from({ length: SIDE * SIDE }, (_, i) => colour(i % SIDE)).flat()),
});
const mask = (from: number, sureness = 1): Mask => ({
  width: SIDE,
  height: SIDE,
  data: Float32Array.from({ length: SIDE * SIDE }, (_, i) => (i % SIDE >= from ? sureness : 0.1)),
});

describe("toLab", () => {
  it.each([
    // Bruce Lindbloom's calculator, sRGB with D65.
    [
      [255, 255, 255],
      [100, 0, 0],
    ],
    [
      [255, 0, 0],
      [53.24, 80.09, 67.2],
    ],
    [
      [0, 128, 0],
      [46.23, -51.7, 49.9],
    ],
    [
      [0, 0, 255],
      [32.3, 79.19, -107.86],
    ],
  ] as const)("of %j is %j", ([r, g, b], lab) => {
    for (const [i, value] of toLab(r, g, b).entries()) expect(value).toBeCloseTo(lab[i] ?? 0, 1);
  });
});

describe("nameColour", () => {
  it.each([
    ["black", 10, 10, 10],
    ["white", 250, 250, 250],
    ["gray", 128, 128, 130],
    ["red", 200, 20, 30],
    ["navy", 10, 20, 70],
    ["blue", 40, 90, 200],
    ["brown", 100, 60, 30],
    ["beige", 220, 200, 170],
    ["green", 40, 140, 50],
    ["pink", 250, 150, 190],
    ["orange", 245, 130, 20],
    ["yellow", 250, 220, 40],
    ["purple", 110, 50, 150],
  ] as const)("is %s", (name, r, g, b) => {
    expect(nameColour(toLab(r, g, b))).toBe(name);
  });
});

describe("dominantColour", () => {
  it("is that of most of the foreground, whatever the background", () => {
    const picture = paint((x) => (x < 12 ? [0, 0, 0] : x < 17 ? [200, 20, 30] : [240, 240, 240]));
    expect(dominantColour(picture, undefined)).toEqual({ name: "black", share: 0.6 });
    expect(dominantColour(picture, mask(12))).toEqual({ name: "red", share: 0.625 });
  });

  it("counts shades of one name together", () => {
    const picture = paint((x) =>
      x < 6 ? [30, 120, 40] : x < 12 ? [110, 190, 100] : [250, 220, 40],
    );
    expect(dominantColour(picture, undefined)).toMatchObject({ name: "green" });
  });

  it("is that of edges where the foreground is nothing else, and of everything where there is none", () => {
    const picture = paint((x) => (x < 18 ? [200, 20, 30] : [1, 2, 3]));
    expect(dominantColour(picture, mask(18, 0.6))).toEqual({ name: "black", share: 1 });
    expect(dominantColour(picture, mask(18, 0.4))).toEqual({ name: "red", share: 0.9 });
    expect(dominantColour(picture, mask(SIDE))).toEqual({ name: "red", share: 0.9 });
  });
});
