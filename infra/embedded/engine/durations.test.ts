import { describe, expect, it } from "vitest";
import { formatDuration, parseDuration } from "./durations.ts";

describe("durations", () => {
  it.each([
    ["30s", 30],
    ["5m", 300],
    ["1h30m", 5400],
    ["1.5m", 90],
    ["250ms", 0.25],
  ])("%s is %d seconds", (text, seconds) => {
    expect(parseDuration(text)).toBe(seconds);
  });

  it.each(["", "5", "5 m", "ten", "5d"])("%j is refused", (text) => {
    expect(() => parseDuration(text)).toThrow(/not a duration/);
  });

  it.each([
    [0, "0.0s"],
    [3_240, "3.2s"],
    [12_400, "12s"],
    [125_000, "2m5s"],
  ])("%d ms are written as %s", (milliseconds, text) => {
    expect(formatDuration(milliseconds)).toBe(text);
  });
});
