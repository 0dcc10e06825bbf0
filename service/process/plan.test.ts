import { describe, expect, it } from "vitest";
import { plan } from "./plan.ts";

describe("plan", () => {
  it.each([
    [[], []],
    [
      ["tag", "qa", "segment"],
      ["segment", "qa", "tag"],
    ],
    [
      ["export", "segment"],
      ["segment", "export"],
    ],
    [["sing", "qa", "dance", "qa"], ["qa"]],
    [["SEGMENT", " qa", "toString"], []],
  ])("makes of %j %j", (tasks, steps) => {
    expect(plan(tasks)).toEqual(steps);
  });
});
