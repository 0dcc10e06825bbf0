import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseSettings } from "./config/read-settings.ts";
import { findKaggleToken, resolveTrainingSource } from "./training-source.ts";

const token = { username: "ada", key: "0123456789abcdef" };
const training = (settings: Record<string, unknown>) =>
  parseSettings({ training: settings }).training;

describe("resolveTrainingSource", () => {
  it("takes Kaggle's photos where a token is found, else drawn pictures", () => {
    expect(resolveTrainingSource(training({}), () => token)).toEqual({ kind: "kaggle", token });
    expect(resolveTrainingSource(training({ count: 60 }), () => undefined)).toEqual({
      kind: "sample",
      count: 60,
    });
  });

  it("does not look for a token when none is needed", () => {
    const look = () => {
      throw new Error("looked");
    };
    expect(resolveTrainingSource(training({ source: "sample" }), look).kind).toBe("sample");
    expect(
      resolveTrainingSource(training({ source: "folder", photos: "/photos" }), look),
    ).toMatchObject({ kind: "folder" });
  });

  it("says what to do when Kaggle is asked for without a token", () => {
    expect(() => resolveTrainingSource(training({ source: "kaggle" }), () => undefined)).toThrow(
      "set KAGGLE_USERNAME and KAGGLE_KEY, or save ~/.kaggle/kaggle.json.",
    );
  });
});

describe("findKaggleToken", () => {
  let home: string;
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), "home-"));
    await mkdir(join(home, ".kaggle"));
  });
  afterEach(() => rm(home, { recursive: true }));
  const save = (content: string) => writeFile(join(home, ".kaggle", "kaggle.json"), content);

  it("prefers the environment to the file", async () => {
    await save('{"username":"file","key":"k"}');
    const environment = { KAGGLE_USERNAME: token.username, KAGGLE_KEY: token.key };
    expect(findKaggleToken(environment, home)).toEqual(token);
    expect(findKaggleToken({ KAGGLE_USERNAME: "half" }, home)).toEqual({
      username: "file",
      key: "k",
    });
  });

  it("finds none where there is none", () => {
    expect(findKaggleToken({}, home)).toBeUndefined();
  });

  it("refuses a damaged file without quoting it", async () => {
    await save('{"username":"ada","key":"top-secret"');
    expect(() => findKaggleToken({}, home)).toThrow(/kaggle\.json is not a Kaggle token/);
    expect(() => findKaggleToken({}, home)).not.toThrow(/top-secret/);
  });
});
