import { availableParallelism } from "node:os";
import { describe, expect, it } from "vitest";
import { readSettings, SettingsError } from "./settings.ts";

describe("readSettings", () => {
  it("has defaults for everything", () => {
    expect(readSettings({})).toMatchObject({
      PORT: 8080,
      METRICS_PORT: 9090,
      SLOTS: 16,
      DEADLINE: 2,
      DRAIN_DELAY: 5,
      WORKERS: availableParallelism(),
    });
  });

  it("takes what is set, and what is set to nothing as not set", () => {
    expect(readSettings({ PORT: "0", DEADLINE: "0.5", SLOTS: "" })).toMatchObject({
      PORT: 0,
      DEADLINE: 0.5,
      SLOTS: 16,
    });
  });

  it.each([
    ["PORT", "70000"],
    ["PORT", "eighty"],
    ["WORKERS", "0"],
    ["LOG_LEVEL", "loud"],
    ["DEADLINE", "-1"],
  ])("names the setting that is wrong: %s=%s", (name, value) => {
    expect(() => readSettings({ [name]: value })).toThrow(SettingsError);
    expect(() => readSettings({ [name]: value })).toThrow(new RegExp(`^${name}=${value} .*[^\n]$`));
  });
});
