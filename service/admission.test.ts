import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createAdmission, type Place } from "./admission.ts";

const options = { sustained: 2, burst: 4, recoverMs: 1000 };

describe("createAdmission", () => {
  it("queues a burst, then only the sustained number while requests are refused", () => {
    let time = 0;
    const admission = createAdmission({ ...options, now: () => time });
    const places = [1, 2, 3, 4].map(() => admission.enter());
    expect(places.every(Boolean)).toBe(true);
    expect(admission.enter()).toBeUndefined();

    places[0]?.leave();
    places[1]?.leave();
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
    const place = admission.enter();
    admission.enter();
    place?.leave();
    place?.leave();
    expect(admission.inside()).toBe(1);
  });

  it("has those that were let in back up to the burst, overloaded or not, and once", () => {
    const admission = createAdmission({ ...options, now: () => 0 });
    const places = [1, 2, 3, 4].map(() => admission.enter());
    expect(admission.enter(), "from now on it is overloaded").toBeUndefined();
    for (const place of places) place?.leave();
    const [first, second, third] = [admission.enter(), admission.enter(), admission.enter()];
    expect([first, second].every(Boolean), "the sustained number").toBe(true);
    expect(third, "of new ones no more").toBeUndefined();

    expect([places[0]?.comeBack(), places[0]?.comeBack(), places[1]?.comeBack()]).toEqual([
      ...[true, true, true],
    ]);
    expect(admission.inside()).toBe(options.burst);
    expect(places[2]?.comeBack()).toBe(false);
    places[2]?.leave();
    expect(admission.inside(), "it has nothing to give back").toBe(options.burst);
    first?.leave();
    expect(places[2]?.comeBack()).toBe(true);
  });

  it("takes a slot for each image of a batch, and never more than it can ever give", () => {
    const admission = createAdmission({ sustained: 3, burst: 4, recoverMs: 0 });
    const place = admission.enter(2);
    expect(admission.inside()).toBe(2);
    expect(admission.enter(3)).toBeUndefined();
    place?.leave();
    expect(admission.inside()).toBe(0);
    place?.comeBack();
    expect(admission.inside()).toBe(2);
    place?.leave();
    expect(admission.inside()).toBe(0);
    admission.enter(100);
    expect(admission.inside()).toBe(3);
  });

  it("never admits more than the burst nor counts below zero", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 200 }), (steps) => {
        const admission = createAdmission({ ...options, now: () => 0 });
        const held: Place[] = [];
        for (const enter of steps) {
          if (!enter) held.shift()?.leave();
          else {
            const place = admission.enter();
            if (place) held.push(place);
          }
          expect(admission.inside()).toBe(held.length);
          expect(admission.inside()).toBeLessThanOrEqual(options.burst);
        }
      }),
    );
  });
});
