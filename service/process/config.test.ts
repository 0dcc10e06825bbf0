import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { categorise } from "./category.ts";
import { checkSegmenter, readProcessConfig } from "./config.ts";

const CONFIGS = join(import.meta.dirname, "../../configs");
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "configs-"));
  await cp(CONFIGS, directory, { recursive: true });
});
afterEach(() => rm(directory, { recursive: true }));

const change = async (file: string, from: string, to: string): Promise<void> => {
  const path = join(directory, file);
  const text = await readFile(path, "utf8");
  expect(text).toContain(from);
  await writeFile(path, text.replace(from, to));
};

describe("readProcessConfig", () => {
  it("reads the files of the repository, with the limits that are asked for", async () => {
    const config = await readProcessConfig(CONFIGS);
    expect(config.mvp).toEqual({ steps: ["segment", "qa", "tag"], export: false });
    expect(config.qa).toMatchObject({ min_pixels: 512 * 512, blur_threshold: 50 });
    expect(config.categories["dog"]).toHaveLength(118);
  });

  it.each([
    [
      "a field's type",
      "thresholds.yaml",
      "blur_threshold: 50",
      "blur_threshold: fifty",
      /qa\.blur_threshold/,
    ],
    ["a missing field", "thresholds.yaml", "  min_pixels: 262144\n", "", /qa\.min_pixels/],
    ["an unknown field", "mvp.yaml", "export: false", "exprot: false", /exprot/],
    [
      "a class of two categories",
      "categories.yaml",
      "jewelry: [679]",
      "jewelry: [770]",
      /class 770 is both shoe and jewelry/,
    ],
    [
      "a class that there is not",
      "categories.yaml",
      "jewelry: [679]",
      "jewelry: [1000]",
      /categories\.jewelry/,
    ],
    ["no YAML", "mvp.yaml", "mvp:", "mvp: [", /mvp\.yaml is not usable/],
  ])("names file and field of %s, in one line", async (_, file, from, to, message) => {
    await change(file, from, to);
    const reading = readProcessConfig(directory);
    await expect(reading).rejects.toThrow(message);
    await expect(reading).rejects.toThrow(new RegExp(`${file} is not usable: [^\n]+$`));
    await expect(reading).rejects.toMatchObject({ name: "SettingsError" });
  });

  it("names a file that is not there", async () => {
    await rm(join(directory, "mvp.yaml"));
    await expect(readProcessConfig(directory)).rejects.toThrow(/mvp\.yaml is not usable: ENOENT/);
  });
});

describe("checkSegmenter", () => {
  it("says that a file cannot be read, and nothing of none", async () => {
    await checkSegmenter(undefined);
    await checkSegmenter(join(directory, "mvp.yaml"));
    const checking = checkSegmenter(join(directory, "u2net.onnx"));
    await expect(checking).rejects.toThrow(
      /^SEGMENTER_MODEL=.* cannot be read; name an ONNX file\.$/,
    );
  });
});

describe("categorise", () => {
  const with_ = (...entries: (readonly [number, number])[]): Float32Array => {
    const probabilities = new Float32Array(1000);
    for (const [index, value] of entries) probabilities[index] = value;
    return probabilities;
  };
  const tags = async (...entries: (readonly [number, number])[]) => {
    const config = await readProcessConfig(CONFIGS);
    return categorise(with_(...entries), config, config);
  };

  it("adds up the classes of a category", async () => {
    const { category, confidence } = await tags([770, 0.2], [514, 0.25], [151, 0.3]);
    expect(category).toBe("shoe");
    expect(confidence).toBeCloseTo(0.45, 6);
  });

  it("knows nothing when nothing is probable, or is in any category", async () => {
    expect(await tags([770, 0.3])).toMatchObject({ category: "unknown" });
    expect(await tags([970, 0.9])).toMatchObject({ category: "unknown", confidence: 0 });
  });

  it("names a material only when it is sure of the class that implies it", async () => {
    expect((await tags([608, 0.7])).material?.name).toBe("denim");
    expect((await tags([608, 0.5])).material).toBeUndefined();
  });
});
