import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createAdmission } from "./admission.ts";
import { createSlowBodies } from "./slow-bodies.ts";

const KIB = 1024;
const SLOW_MS = 1000;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const setUp = (maxBytes: number) => {
  const admission = createAdmission({ sustained: 1, burst: 1, recoverMs: 0 });
  const slowBodies = createSlowBodies({ maxBytes, patienceMs: SLOW_MS });
  const open = () => {
    const place = admission.enter();
    if (!place) throw new Error("there is no slot");
    const refuse = vi.fn();
    return { place, refuse, watch: slowBodies.watch(place, refuse) };
  };
  return { admission, open };
};

describe("createSlowBodies", () => {
  it("leaves the slot of a body that does not arrive, and takes it again with its end", () => {
    const { admission, open } = setUp(100 * KIB);
    const { watch } = open();
    expect(admission.inside()).toBe(1);
    vi.advanceTimersByTime(SLOW_MS);
    expect(admission.inside()).toBe(0);
    watch.received(10);
    expect(watch.complete()).toBe(true);
    expect(admission.inside()).toBe(1);
  });

  it("leaves a body alone that arrives soon", () => {
    const { admission, open } = setUp(100 * KIB);
    const { watch } = open();
    watch.received(10);
    expect(watch.complete()).toBe(true);
    vi.advanceTimersByTime(SLOW_MS);
    expect(admission.inside()).toBe(1);
  });

  it("says when there is no slot for a complete body", () => {
    const { open } = setUp(100 * KIB);
    const slow = open();
    vi.advanceTimersByTime(SLOW_MS);
    open();
    expect(slow.watch.complete()).toBe(false);
  });

  it("lets as many wait as there is room for what has arrived, and the next ones keep their slots", () => {
    const { admission, open } = setUp(64 * KIB);
    // Each takes 16 KiB, and what has arrived of it.
    const first = open();
    first.watch.received(16 * KIB);
    vi.advanceTimersByTime(SLOW_MS);
    const second = open();
    second.watch.received(16 * KIB);
    vi.advanceTimersByTime(SLOW_MS);
    const third = open();
    vi.advanceTimersByTime(SLOW_MS);
    expect(admission.inside(), "of the third").toBe(1);

    // What ends makes room for others, however it ends.
    third.watch.end();
    third.place.leave();
    second.watch.end();
    first.watch.complete();
    first.place.leave();
    for (let i = 0; i < 4; i++) {
      open();
      vi.advanceTimersByTime(SLOW_MS);
    }
    expect(admission.inside()).toBe(0);
    open();
    vi.advanceTimersByTime(SLOW_MS);
    expect(admission.inside()).toBe(1);
  });

  it("takes a slot for a body that outgrows the room, or refuses it where there is none", () => {
    const { admission, open } = setUp(48 * KIB);
    const [first, second] = [open, open].map((openOne) => {
      const opened = openOne();
      vi.advanceTimersByTime(SLOW_MS);
      return opened;
    });
    first?.watch.received(16 * KIB);
    expect(admission.inside(), "it fits to the byte").toBe(0);
    first?.watch.received(16 * KIB + 1);
    expect(admission.inside()).toBe(1);
    expect(first?.refuse).not.toHaveBeenCalled();
    first?.watch.received(1000 * KIB);
    expect(admission.inside(), "its bytes count no more").toBe(1);

    second?.watch.received(32 * KIB);
    expect(second?.refuse).not.toHaveBeenCalled();
    second?.watch.received(32 * KIB + 1);
    expect(second?.refuse).toHaveBeenCalledOnce();
  });
});
