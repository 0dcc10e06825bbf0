import { describe, expect, it } from "vitest";
import type { Mask, Picture } from "./picture.ts";
import { segmentByEvidence } from "./segment.ts";

const SIDE = 240;
const [X, Y, RADIUS] = [130, 110, 60];
const inside = (x: number, y: number): boolean => Math.hypot(x - X, y - Y) < RADIUS;
/** A textured red disc on a textured green ground. */
const picture: Picture = {
  width: SIDE,
  height: SIDE,
  data: Uint8Array.from({ length: 3 * SIDE * SIDE }, (_, i) => {
    const [x, y] = [Math.floor(i / 3) % SIDE, Math.floor(i / 3 / SIDE)];
    const base = (inside(x, y) ? [180, 40, 40] : [60, 130, 70])[i % 3] ?? 0;
    return base + ((x * 7 + y * 13) % 17);
  }),
};
/** What a network would say: somewhere in the middle of the disc, blurred. */
const evidence: Mask = {
  width: 28,
  height: 28,
  data: Float32Array.from({ length: 28 * 28 }, (_, i) => {
    const [x, y] = [((i % 28) + 0.5) * (SIDE / 28), (Math.floor(i / 28) + 0.5) * (SIDE / 28)];
    return Math.exp(-((x - X - 10) ** 2 + (y - Y) ** 2) / (2 * 50 ** 2));
  }),
};
const look = async () => ({ map: evidence, classes: undefined });

describe("segmentByEvidence", () => {
  it("finds the edge that the evidence only hints at", async () => {
    const { data } = await segmentByEvidence(picture, look);
    let [both, either] = [0, 0];
    for (const [i, alpha] of data.entries()) {
      const truth = inside(i % SIDE, Math.floor(i / SIDE));
      if (truth && alpha >= 0.5) both++;
      if (truth || alpha >= 0.5) either++;
    }
    expect(both / either).toBeGreaterThan(0.97);
    expect(data[0]).toBe(0);
    expect(data[Y * SIDE + X]).toBe(1);
  });

  it("cuts the same photo in the same way", async () => {
    const [first, second] = [
      await segmentByEvidence(picture, look),
      await segmentByEvidence(picture, look),
    ];
    expect(second.data).toEqual(first.data);
  });

  it.each([
    ["nowhere", () => 0],
    ["everywhere", () => 1],
    ["to the right", (i: number) => (i % 28) / 27],
  ])("ends with a mask for a picture of one colour and evidence %s", async (_, level) => {
    const flat = { ...picture, data: new Uint8Array(picture.data.length).fill(90) };
    const map = { ...evidence, data: evidence.data.map((_value, i) => level(i)) };
    const { data } = await segmentByEvidence(flat, async () => ({ map, classes: undefined }));
    expect(data.every((value) => value >= 0 && value <= 1)).toBe(true);
  });
});
