import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { throttle } from "./throttle.ts";

describe("throttle", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("shows the first text at once and the last of those that follow it, never one twice", () => {
    const shown: string[] = [];
    const { say } = throttle((text) => shown.push(text));
    for (const text of ["unseen", "unseen", "0 of 2", "1 of 2"]) say(text);
    expect(shown).toEqual(["unseen"]);
    vi.advanceTimersByTime(3_000);
    expect(shown).toEqual(["unseen", "1 of 2"]);
    vi.advanceTimersByTime(60_000);
    say("1 of 2");
    expect(shown).toEqual(["unseen", "1 of 2"]);
    say("2 of 2");
    expect(shown).toEqual(["unseen", "1 of 2", "2 of 2"]);
  });

  it("shows nothing after its end", () => {
    const shown: string[] = [];
    const { say, end } = throttle((text) => shown.push(text));
    say("unseen");
    say("1 of 2");
    end();
    vi.advanceTimersByTime(60_000);
    expect(shown).toEqual(["unseen"]);
  });
});
