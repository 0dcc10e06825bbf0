import { describe, expect, it } from "vitest";
import { guideMask } from "./guided-filter.ts";
import { type Mask, type Picture, shrink } from "./picture.ts";
import { resizeMask } from "./resize-mask.ts";

const SIDE = 512;
const [X, Y, RADIUS] = [270, 240, 130];
const inside = (x: number, y: number): boolean => Math.hypot(x - X, y - Y) < RADIUS;
/** A textured red disc on a textured dark ground. */
const picture: Picture = {
  width: SIDE,
  height: SIDE,
  data: Uint8Array.from({ length: 3 * SIDE * SIDE }, (_, i) => {
    const [x, y] = [Math.floor(i / 3) % SIDE, Math.floor(i / 3 / SIDE)];
    const base = (inside(x, y) ? [230, 140, 140] : [40, 70, 50])[i % 3] ?? 0;
    return base + ((x * 7 + y * 13) % 17);
  }),
};
/** What a network would say: the disc, but in places of sixteen pixels. */
const coarse: Mask = {
  width: 32,
  height: 32,
  data: Float32Array.from({ length: 32 * 32 }, (_, i) =>
    inside(((i % 32) + 0.5) * 16, (Math.floor(i / 32) + 0.5) * 16) ? 1 : 0,
  ),
};
const wrongOf = (mask: Mask): number =>
  mask.data.reduce((sum, alpha, i) => {
    const truth = inside(i % SIDE, Math.floor(i / SIDE));
    return sum + (truth === alpha >= 0.5 ? 0 : 1);
  }, 0);

describe("guideMask", () => {
  it("brings the edge to the picture's own", async () => {
    const found = guideMask(await shrink(picture), coarse)(picture);
    expect(found).toMatchObject({ width: SIDE, height: SIDE });
    expect(wrongOf(found)).toBeLessThan(wrongOf(resizeMask(coarse, picture)) / 2);
    expect([found.data[0], found.data[Y * SIDE + X]]).toEqual([0, 1]);
  });

  it("covers as much of the small picture as of the large one", async () => {
    const small = await shrink(picture);
    const maskOf = guideMask(small, coarse);
    const share = ({ data }: Mask) => data.reduce((sum, alpha) => sum + alpha, 0) / data.length;
    expect(Math.abs(share(maskOf(small)) - share(maskOf(picture)))).toBeLessThan(0.002);
  });

  it("leaves the mask as it is where the picture has no edge", async () => {
    const flat = { ...picture, data: new Uint8Array(picture.data.length).fill(90) };
    const { data } = guideMask(await shrink(flat), coarse)(flat);
    expect([data[0], data[Y * SIDE + X]]).toEqual([0, 1]);
    expect(data.every((alpha) => alpha >= 0 && alpha <= 1)).toBe(true);
  });
});
