import type { Random } from "../random.ts";

const CELLS = 64;

/** A smooth random field, 0..1, that repeats after 64 units: lattice values with smoothed interpolation. */
export const createNoise = (random: Random): ((x: number, y: number) => number) => {
  const lattice = Float32Array.from({ length: CELLS * CELLS }, () => random.next());
  const at = (x: number, y: number): number =>
    lattice[(y & (CELLS - 1)) * CELLS + (x & (CELLS - 1))] as number;
  return function noise(x, y) {
    const column = Math.floor(x);
    const row = Math.floor(y);
    const fx = x - column;
    const fy = y - row;
    const sx = fx * fx * (3 - 2 * fx);
    const sy = fy * fy * (3 - 2 * fy);
    const top = at(column, row) * (1 - sx) + at(column + 1, row) * sx;
    const bottom = at(column, row + 1) * (1 - sx) + at(column + 1, row + 1) * sx;
    return top * (1 - sy) + bottom * sy;
  };
};
