import { availableParallelism } from "node:os";
import { describe, expect, it } from "vitest";
import { readSettings, SettingsError } from "./settings.ts";

describe("readSettings", () => {
  it("has defaults for everything", () => {
    expect(readSettings({})).toMatchObject({
      PORT: 8080,
      METRICS_PORT: 9090,
      DEADLINE: 2,
      DRAIN_DELAY: 5,
      WORKERS: availableParallelism(),
    });
  });

  it("takes what is set, and what is set to nothing as not set", () => {
    expect(readSettings({ PORT: "0", DEADLINE: "0.5", MODEL_DIR: "" })).toMatchObject({
      PORT: 0,
      DEADLINE: 0.5,
      MODEL_DIR: "artifacts/model",
    });
  });

  it("takes a larger body than the default", () => {
    expect(readSettings({ MAX_BODY_BYTES: "50000000" }).MAX_BODY_BYTES).toBe(50_000_000);
    expect(() => readSettings({ MAX_BODY_BYTES: String(2 ** 31) })).toThrow(SettingsError);
  });

  it("has slots for each worker, and never fewer for a burst", () => {
    expect(readSettings({ WORKERS: "2" })).toMatchObject({ SLOTS: 8, BURST_SLOTS: 32 });
    expect(readSettings({ WORKERS: "2", SLOTS: "40" })).toMatchObject({
      SLOTS: 40,
      BURST_SLOTS: 40,
    });
  });

  it.each([
    ["PORT", "70000"],
    ["PORT", "eighty"],
    ["WORKERS", "0"],
    ["MAX_BATCH", "0"],
    ["LOG_LEVEL", "loud"],
    ["DEADLINE", "-1"],
    ["PROMETHEUS_URL", "prometheus:9090"],
    ["STORAGE_S3_PREFIX", "outputs"],
    ["STORAGE_S3_PREFIX", "/outputs/"],
    ["BATCH_LEASE", "0"],
  ])("names the setting that is wrong: %s=%s", (name, value) => {
    expect(() => readSettings({ [name]: value })).toThrow(SettingsError);
    expect(() => readSettings({ [name]: value })).toThrow(new RegExp(`^${name}=${value} .*[^\n]$`));
  });

  it("has outputs kept in one place only", () => {
    const both = { STORAGE_DIR: "outputs", STORAGE_S3_BUCKET: "outputs" };
    expect(() => readSettings(both)).toThrow(/^STORAGE_DIR=outputs .* STORAGE_S3_BUCKET is set/);
  });

  it("does not show the value of a secret", () => {
    const wrong = () => readSettings({ STORAGE_SIGNING_KEY: "short" });
    expect(wrong).toThrow(/^STORAGE_SIGNING_KEY is not usable/);
    expect(wrong).not.toThrow(/short/);
  });
});
