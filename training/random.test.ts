import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRandom } from "./random.ts";

const take = (count: number, ...keys: (string | number)[]): number[] => {
  const random = createRandom(...keys);
  return Array.from({ length: count }, random.next);
};

describe("createRandom", () => {
  it("gives this stream on every machine: split lists and drawings depend on it", () => {
    expect(take(3, "test", 1).map((value) => Math.round(value * 2 ** 32))).toMatchInlineSnapshot(`
      [
        4059753091,
        1365853668,
        3689625437,
      ]
    `);
  });

  it("gives other numbers for other keys", () => {
    const streams = [["a", 1], ["a", 2], ["b", 1], ["a1"], ["a", "1"]].map((keys) =>
      take(4, ...keys).join(),
    );
    expect(new Set(streams).size).toBe(streams.length);
  });

  it("is uniform: chi-squared over 16 cells", () => {
    const cells = new Array<number>(16).fill(0);
    for (const value of take(16_000, "uniform")) {
      const cell = Math.floor(value * 16);
      cells[cell] = (cells[cell] ?? 0) + 1;
    }
    const statistic = cells.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
    // 99.9 % quantile at 15 degrees of freedom
    expect(statistic).toBeLessThan(37.7);
  });

  it("shuffles to a permutation and leaves the original alone", () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), fc.integer(), (items, seed) => {
        const before = [...items];
        const shuffled = createRandom("shuffle", seed).shuffle(items);
        expect(items).toEqual(before);
        expect([...shuffled].sort()).toEqual([...items].sort());
      }),
    );
  });

  it("has nothing to pick from an empty list", () => {
    expect(() => createRandom("x").pick([])).toThrow(RangeError);
  });
});
