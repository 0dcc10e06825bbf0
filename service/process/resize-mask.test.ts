import { describe, expect, it } from "vitest";
import { resizeMask } from "./resize-mask.ts";

describe("resizeMask", () => {
  it("lies between the places, by hand", () => {
    const mask = { width: 2, height: 1, data: Float32Array.of(0, 1) };
    expect([...resizeMask(mask, { width: 4, height: 2 }).data]).toEqual([
      ...[0, 0.25, 0.75, 1],
      ...[0, 0.25, 0.75, 1],
    ]);
    const back = resizeMask({ width: 4, height: 1, data: Float32Array.of(0, 0, 1, 1) }, mask);
    expect([...back.data]).toEqual([0, 1]);
  });
});
