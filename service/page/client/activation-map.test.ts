import { describe, expect, it } from "vitest";
import { pixelsOf, squareOf, wordsFor } from "./activation-map.js";

/** A map that is 1 in one place and 0 in all others. */
const mapOf = (row: number, column: number, side = 7) => ({
  label: "cat",
  width: side,
  height: side,
  covers: 0.875,
  values: Array.from({ length: side }, (_, y) =>
    Array.from({ length: side }, (__, x) => (y === row && x === column ? 1 : 0)),
  ),
});

describe("squareOf", () => {
  it("lies in the middle of the photo, whichever side is longer", () => {
    expect(squareOf(400, 200, 0.5)).toEqual({ left: 150, top: 50, side: 100 });
    expect(squareOf(200, 400, 1)).toEqual({ left: 0, top: 100, side: 200 });
  });
});

describe("pixelsOf", () => {
  it("veils what matters little, tints what matters much, and leaves what is between", () => {
    const pixels = [...pixelsOf({ values: [[0, 0.5, 1]] })];
    const [none, some, most] = [0, 4, 8].map((at) => pixels.slice(at, at + 4));
    expect(none).toEqual([0, 0, 0, 166]);
    expect(some?.[3]).toBe(0);
    expect(most).toEqual([255, 140, 0, 166]);
  });
});

describe("wordsFor", () => {
  it.each([
    [0, 0, "upper left"],
    [3, 3, "middle"],
    [6, 3, "lower middle"],
    [3, 6, "middle right"],
  ])("says where the greatest place is: row %i, column %i", (row, column, where) => {
    const words = `What speaks most for cat is in the ${where} of the photo.`;
    expect(wordsFor(mapOf(row, column))).toBe(words);
  });

  it("says where the middle of many alike is", () => {
    const half = mapOf(-1, -1).values.map((row, y) => row.map(() => (y < 3 ? 1 : 0)));
    expect(wordsFor({ ...mapOf(-1, -1), values: half })).toMatch(/in the upper middle of/);
  });

  it("says that a map without any relief explains nothing", () => {
    expect(wordsFor(mapOf(-1, -1))).toBe("Every place of the photo speaks for cat alike.");
  });
});
