import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRateLimit } from "./rate-limit.ts";

/** The textbook's token bucket, to compare with. */
const textbook = (perSecond: number, burst: number) => {
  let tokens = burst;
  let last = 0;
  return (time: number): boolean => {
    tokens = Math.min(burst, tokens + ((time - last) * perSecond) / 1000);
    last = time;
    if (tokens < 1 - 1e-6) return false;
    tokens -= 1;
    return true;
  };
};

describe("createRateLimit", () => {
  it("lets a burst through, then the rate, and says how long to wait", () => {
    let time = 5000;
    const limit = createRateLimit({ perSecond: 2, burst: 3, now: () => time });
    expect([1, 2, 3].map(() => limit.take("a").remaining)).toEqual([2, 1, 0]);
    expect(limit.take("a")).toEqual({ allowed: false, remaining: 0, retryMs: 500, fullMs: 1500 });
    expect(limit.take("b").allowed, "clients have buckets of their own").toBe(true);
    time += 499;
    expect(limit.take("a")).toMatchObject({ allowed: false, retryMs: 1 });
    time += 1;
    expect(limit.take("a")).toMatchObject({ allowed: true, remaining: 0, fullMs: 1500 });
    time += 60_000;
    expect(limit.take("a"), "no more than the bucket holds").toMatchObject({ remaining: 2 });
  });

  it("decides as the textbook's token bucket does", () => {
    const rates = fc.record({
      perSecond: fc.integer({ min: 1, max: 50 }),
      burst: fc.integer({ min: 1, max: 20 }),
      pauses: fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 200 }),
    });
    fc.assert(
      fc.property(rates, ({ perSecond, burst, pauses }) => {
        let time = 0;
        const limit = createRateLimit({ perSecond, burst, now: () => time });
        const expected = textbook(perSecond, burst);
        for (const pause of pauses) {
          time += pause;
          expect(limit.take("a").allowed).toBe(expected(time));
        }
      }),
    );
  });

  it("remembers a bounded number of clients, and none whose bucket is full", () => {
    let time = 0;
    const limit = createRateLimit({ perSecond: 1, burst: 1, maxClients: 100, now: () => time });
    for (let i = 0; i < 10_000; i += 1) limit.take(`client ${i}`);
    expect(limit.size()).toBe(100);
    expect(limit.take("client 9999").allowed, "the newest are remembered").toBe(false);
    expect(limit.take("client 0").allowed, "the oldest was forgotten, to its good").toBe(true);
    time = 1000;
    limit.take("another");
    expect(limit.size()).toBe(1);
  });
});
