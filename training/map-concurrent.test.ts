import { describe, expect, it } from "vitest";
import { mapConcurrent } from "./map-concurrent.ts";

describe("mapConcurrent", () => {
  it("keeps the order and the limit", async () => {
    let running = 0;
    let most = 0;
    const results = await mapConcurrent([5, 1, 4, 2, 3], 2, async (value, index) => {
      most = Math.max(most, ++running);
      for (let i = 0; i < value; i++) await Promise.resolve();
      running--;
      return [value, index];
    });
    expect(results).toEqual([
      [5, 0],
      [1, 1],
      [4, 2],
      [2, 3],
      [3, 4],
    ]);
    expect(most).toBe(2);
  });

  it("throws the first failure", async () => {
    const work = (value: number) =>
      value === 2 ? Promise.reject(new Error("two")) : Promise.resolve();
    await expect(mapConcurrent([1, 2, 3], 2, work)).rejects.toThrow("two");
  });
});
