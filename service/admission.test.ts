import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createAdmission } from "./admission.ts";

const options = { sustained: 2, burst: 4, recoverMs: 1000 };

describe("createAdmission", () => {
  it("queues a burst, then only the sustained number while requests are refused", () => {
    let time = 0;
    const admission = createAdmission({ ...options, now: () => time });
    const leaves = [1, 2, 3, 4].map(() => admission.enter());
    expect(leaves.every(Boolean)).toBe(true);
    expect(admission.enter()).toBeUndefined();

    leaves[0]?.();
    leaves[1]?.();
    expect(admission.inside()).toBe(2);
    time = 999;
    expect(admission.enter()).toBeUndefined();
    time = 1998;
    expect(admission.enter(), "the refusal at 999 keeps it short").toBeUndefined();
    time = 2998;
    expect(admission.enter()).toBeDefined();
    expect(admission.inside()).toBe(3);
  });

  it("frees a slot once, however often it is left", () => {
    const admission = createAdmission(options);
    const leave = admission.enter();
    admission.enter();
    leave?.();
    leave?.();
    expect(admission.inside()).toBe(1);
  });

  it("takes a slot for each image of a batch, and never more than it can ever give", () => {
    const admission = createAdmission({ sustained: 3, burst: 4, recoverMs: 0 });
    const leave = admission.enter(2);
    expect(admission.inside()).toBe(2);
    expect(admission.enter(3)).toBeUndefined();
    leave?.();
    expect(admission.inside()).toBe(0);
    admission.enter(100);
    expect(admission.inside()).toBe(3);
  });

  it("never admits more than the burst nor counts below zero", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 200 }), (steps) => {
        const admission = createAdmission({ ...options, now: () => 0 });
        const held: (() => void)[] = [];
        for (const enter of steps) {
          if (!enter) held.shift()?.();
          else {
            const leave = admission.enter();
            if (leave) held.push(leave);
          }
          expect(admission.inside()).toBe(held.length);
          expect(admission.inside()).toBeLessThanOrEqual(options.burst);
        }
      }),
    );
  });
});
