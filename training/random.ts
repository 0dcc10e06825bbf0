import { createHash } from "node:crypto";

/** A stream of random numbers. Every random choice in training comes from one of these. */
export type Random = {
  /** Uniform in [0, 1), 32 random bits. */
  next(): number;
  /** Uniform in [low, high). */
  between(low: number, high: number): number;
  /** Whether an event of this probability happens. */
  chance(probability: number): boolean;
  /** One of the items, each as likely. @throws RangeError when there is none */
  pick<T>(items: readonly T[]): T;
  /** The items in random order (Fisher and Yates). */
  shuffle<T>(items: readonly T[]): T[];
};

/**
 * A generator whose stream is fixed by the keys: the same keys give the same numbers on any machine, and different keys
 * independent ones, so that adding a choice in one place changes nothing elsewhere.
 *
 * The generator is sfc32, Chris Doty-Humphrey's "small fast counter" of PractRand with 32-bit words; its state is taken
 * from the SHA-256 of the keys.
 */
export const createRandom = (...keys: readonly (string | number)[]): Random => {
  const state = createHash("sha256").update(JSON.stringify(keys)).digest();
  let a = state.readInt32LE(0);
  let b = state.readInt32LE(4);
  let c = state.readInt32LE(8);
  let counter = 1;

  const next = (): number => {
    const result = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + result) | 0;
    return (result >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 12; i++) next();

  const index = (count: number): number => Math.floor(next() * count);
  const pick = <T>(items: readonly T[]): T => {
    if (items.length === 0) throw new RangeError("nothing to pick from");
    return items[index(items.length)] as T;
  };
  const shuffle = <T>(items: readonly T[]): T[] => {
    const order = [...items];
    for (let last = order.length - 1; last > 0; last--) {
      const other = index(last + 1);
      [order[last], order[other]] = [order[other] as T, order[last] as T];
    }
    return order;
  };
  const between = (low: number, high: number): number => low + next() * (high - low);
  return { next, between, chance: (probability) => next() < probability, pick, shuffle };
};
