import { appendFile, readFile, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openFeatureCache } from "./feature-cache.ts";
import { temporaryDirectory } from "./testing/temporary-directory.ts";

const WIDTH = 4;
const RECORD = 32 + WIDTH * 4 + 4;
const ONE = Float32Array.of(1, -2.5, 3e-7, 4);
const TWO = Float32Array.of(5, 6, 7, 8);

const filled = async () => {
  const path = join(await temporaryDirectory(), "deep", "features.bin");
  const cache = await openFeatureCache(path, WIDTH);
  await cache.add([
    ["one", ONE],
    ["two", TWO],
  ]);
  return path;
};

describe("openFeatureCache", () => {
  it("gives back what was added, now and after reopening", async () => {
    const path = await filled();
    const cache = await openFeatureCache(path, WIDTH);
    expect(cache.get("one")).toEqual(ONE);
    expect(cache.get("two")).toEqual(TWO);
    expect(cache.get("three")).toBeUndefined();
  });

  it("drops a torn record and appends after it in step", async () => {
    const path = await filled();
    await truncate(path, 2 * RECORD - 5);
    const cache = await openFeatureCache(path, WIDTH);
    expect(cache.get("one")).toEqual(ONE);
    expect(cache.get("two")).toBeUndefined();
    await cache.add([["two", TWO]]);
    expect((await stat(path)).size).toBe(2 * RECORD);
    expect((await openFeatureCache(path, WIDTH)).get("two")).toEqual(TWO);
  });

  it("does not believe a damaged record", async () => {
    const path = await filled();
    const bytes = await readFile(path);
    bytes[40] = (bytes[40] ?? 0) ^ 1;
    await writeFile(path, bytes);
    const cache = await openFeatureCache(path, WIDTH);
    expect(cache.get("one")).toBeUndefined();
    expect(cache.get("two")).toEqual(TWO);
  });

  it("drops what is no record at all", async () => {
    const path = await filled();
    await appendFile(path, "garbage");
    expect((await openFeatureCache(path, WIDTH)).get("one")).toEqual(ONE);
  });
});
