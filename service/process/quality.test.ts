import { describe, expect, it } from "vitest";
import type { Mask, Picture } from "./picture.ts";
import { judgeQuality, laplacianVariance } from "./quality.ts";

const SIDE = 64;
const LIMITS = {
  qa: {
    min_pixels: SIDE * SIDE,
    blur_threshold: 50,
    clutter_max: 0.1,
    overexposed_max: 0.3,
    underexposed_max: 0.5,
    foreground_min: 0.01,
  },
};
const paint = (shade: (x: number, y: number) => number): Picture => ({
  width: SIDE,
  height: SIDE,
  data: Uint8Array.from({ length: 3 * SIDE * SIDE }, (_, i) => {
    const place = Math.floor(i / 3);
    return shade(place % SIDE, Math.floor(place / SIDE));
  }),
});
const left: Mask = {
  width: SIDE,
  height: SIDE,
  data: Float32Array.from({ length: SIDE * SIDE }, (_, i) => (i % SIDE < SIDE / 2 ? 1 : 0)),
};
const checkers = (x: number, y: number): number => (((x >> 2) + (y >> 2)) % 2 ? 200 : 60);
const judge = (picture: Picture, mask?: Mask, size = { width: SIDE, height: SIDE }) =>
  judgeQuality({ size, picture, small: picture, mask }, LIMITS);
const codes = async (...args: Parameters<typeof judge>) =>
  (await judge(...args)).issues.map(({ code }) => code);

describe("judgeQuality", () => {
  it("finds nothing wrong with a sharp picture of the least size", async () => {
    const quality = await judge(paint(checkers));
    expect(quality).toMatchObject({ minSizeOk: true, issues: [] });
    expect(quality.laplacianVariance).toBeGreaterThan(1000);
  });

  it("measures the upload's size, not that of what it was scaled down to", async () => {
    const small = { width: SIDE, height: SIDE - 1 };
    const { issues, minSizeOk } = await judge(paint(checkers), undefined, small);
    expect(minSizeOk).toBe(false);
    expect(issues).toEqual([
      { code: "LOW_RESOLUTION", measured: SIDE * (SIDE - 1), limit: SIDE * SIDE },
    ]);
  });

  it("says that a ramp is blurry, and how much", async () => {
    const { issues } = await judge(paint((x) => x * 2 + 60));
    expect(issues).toEqual([{ code: "BLURRY", measured: expect.closeTo(0, 0), limit: 50 }]);
  });

  it("judges exposure by the foreground alone, when there is one", async () => {
    const white = paint((x, y) => (x < SIDE / 2 ? 255 : checkers(x, y)));
    const black = paint((x, y) => (x < SIDE / 2 ? 0 : checkers(x, y)));
    expect(await codes(white)).toEqual(["OVEREXPOSED"]);
    expect(await codes(white, left)).toContain("OVEREXPOSED");
    expect(await codes(black, left)).toContain("UNDEREXPOSED");
    const right: Mask = { ...left, data: left.data.map((value) => 1 - value) };
    expect(await codes(white, right)).toEqual([]);
  });

  it("says that nothing was found, how much that is, and judges exposure by everything then", async () => {
    const nothing: Mask = { ...left, data: left.data.map(() => 0.4) };
    const few: Mask = { ...left, data: left.data.map((_, i) => (i < SIDE / 2 ? 1 : 0)) };
    const found = (measured: number) => ({ code: "NO_FOREGROUND", measured, limit: 0.01 });
    expect((await judge(paint(checkers), nothing)).issues).toContainEqual(found(0));
    expect((await judge(paint(checkers), few)).issues).toContainEqual(found(0.5 / SIDE));
    expect(await codes(paint(checkers), left)).not.toContain("NO_FOREGROUND");
    const half = (shade: number) => paint((x, y) => (x < 0.7 * SIDE ? shade : checkers(x, y)));
    expect(await codes(half(255), nothing)).toContain("OVEREXPOSED");
    expect(await codes(half(0), nothing)).toContain("UNDEREXPOSED");
    expect(await codes(half(0)), "nothing was looked for").toEqual(["UNDEREXPOSED"]);
  });

  it("finds clutter in the background, not in the foreground or at its edge", async () => {
    const busyLeft = paint((x, y) => (x < SIDE / 2 ? checkers(x, y) : 120));
    const busyRight = paint((x, y) => (x < SIDE / 2 ? 120 : checkers(x, y)));
    expect(await codes(busyLeft, left)).toEqual([]);
    expect(await codes(busyRight, left)).toEqual(["CLUTTER"]);
  });
});

describe("laplacianVariance", () => {
  it("is OpenCV's, border apart", () => {
    const grey = paint((x, y) => ((y * SIDE + x) * 7919) % 251);
    // What cv.Laplacian and cv.meanStdDev of OpenCV 4.12 give for it.
    const expected = 127509.81124928399;
    expect(Math.abs(laplacianVariance(grey) / expected - 1)).toBeLessThan(1e-6);
  });
});
