import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pino from "pino";
import sharp from "sharp";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Sampling, type SamplingOptions, startSampling } from "./sampling.ts";
import { sweep } from "./sweep.ts";

let directory: string;
let sampling: Sampling | undefined;
let logged: string[];
const start = async (options: Partial<SamplingOptions> = {}): Promise<Sampling> => {
  const log = pino({}, { write: (line) => logged.push(line) });
  sampling = await startSampling({
    ...{ directory, share: 0.5, days: 7, megabytes: 100, log },
    ...options,
  });
  return sampling;
};
const sample = {
  prediction: { label: "cat", probability: 0.75, probabilities: { cat: 0.75, dog: 0.25 } },
  model: { name: "pets", version: "abc", digest: "sha256:abc" },
};
const photo = (width = 300, height = 200): Promise<Buffer> =>
  sharp({ create: { width, height, channels: 3, background: "red" } })
    .withExif({ IFD0: { Copyright: "somebody" }, IFD3: { GPSLatitudeRef: "N" } })
    .jpeg()
    .toBuffer();

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "sampling-"));
  logged = [];
});
afterEach(async () => {
  sampling?.stop();
  await rm(directory, { recursive: true });
});

it("keeps the picture and its answer, and nothing else of the photo", async () => {
  const original = await photo(3000, 1500);
  expect((await sharp(original).metadata()).exif).toBeDefined();
  await (await start()).keep(original, sample);
  const names = (await readdir(directory)).sort();
  expect(names).toEqual([
    expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d.-]+Z-[\w-]+\.jpg$/),
    expect.stringMatching(/\.json$/),
  ]);
  const [jpeg = "", json = ""] = names;
  expect(json).toBe(jpeg.replace("jpg", "json"));
  const kept = await readFile(join(directory, jpeg));
  const { exif, width, height } = await sharp(kept).metadata();
  expect({ exif, width, height }).toEqual({ exif: undefined, width: 1024, height: 512 });
  expect(kept.includes("somebody")).toBe(false);
  expect(JSON.parse(await readFile(join(directory, json), "utf8"))).toEqual({
    ...sample.prediction,
    model: sample.model,
  });
});

it("wants its share, and one at a time", async () => {
  const numbers = [0.4, 0.6, 0.1, 0.1];
  const { wants, keep } = await start({ random: () => numbers.shift() ?? 1 });
  expect([wants(), wants()]).toEqual([true, false]);
  const red = await photo();
  const kept = keep(red, sample);
  expect(wants(), "another one is being written").toBe(false);
  await Promise.all([kept, keep(red, sample)]);
  expect(await readdir(directory), "one photo and its answer").toHaveLength(2);
  expect(wants()).toBe(true);
});

it("logs what it cannot keep, and goes on", async () => {
  const { keep, wants } = await start({ random: () => 0 });
  await keep(Buffer.from("no photo"), sample);
  expect(await readdir(directory)).toEqual([]);
  expect(logged).toHaveLength(1);
  expect(wants()).toBe(true);
});

it("keeps no more than it may, the newest", async () => {
  const bytesOf = async (): Promise<number> => {
    const names = await readdir(directory);
    const sizes = names.map(async (name) => (await readFile(join(directory, name))).length);
    return (await Promise.all(sizes)).reduce((a, b) => a + b, 0);
  };
  const unbounded = await start();
  await unbounded.keep(await photo(), sample);
  unbounded.stop();
  const limit = 3.5 * (await bytesOf());
  const { keep } = await start({ megabytes: limit / 1e6 });
  const [oldest = ""] = await readdir(directory);
  for (let i = 0; i < 6; i++) await keep(await photo(), sample);
  expect(await bytesOf()).toBeLessThanOrEqual(limit);
  const names = await readdir(directory);
  expect(names.length, "three photos and their answers").toBeGreaterThanOrEqual(6);
  expect(names).not.toContain(oldest);
});

const named = (ending: string): string =>
  `2026-01-02T03-04-05.678Z-3f0c6a52-7b1f-4c7e-9d1a-0c5b8f2f3a11.${ending}`;
/** Puts a file of ten bytes into the directory. */
const putAged = async (name: string, days: number): Promise<void> => {
  const path = join(directory, name);
  await writeFile(path, "x".repeat(10));
  const then = new Date(Date.now() - days * 86_400_000);
  await utimes(path, then, then);
};

it("sweeps what is too old, when it starts and later", async () => {
  await putAged(named("jpg"), 8);
  await putAged(named("jpg.0c5b8f2f-7b1f-4c7e-9d1a-3f0c6a523a11.tmp"), 8);
  await putAged(named("json"), 6);
  await start();
  expect(await readdir(directory), "what a crash left, too").toEqual([named("json")]);
  const later = Date.now() + 2 * 86_400_000;
  expect(await sweep(directory, { days: 7, megabytes: 1 }, later)).toBe(0);
  expect(await readdir(directory)).toEqual([]);
});

it("leaves alone what it did not put there, and does not count it", async () => {
  const others = ["holiday.jpg", "labels.csv", "2026-01-02.json"];
  for (const name of others) await putAged(name, 100);
  await putAged(named("jpg"), 1);
  await start();
  expect(await sweep(directory, { days: 7, megabytes: 0.00002 })).toBe(10);
  expect((await readdir(directory)).sort()).toEqual([...others, named("jpg")].sort());
});

it("says at once when the directory cannot be made", async () => {
  await writeFile(join(directory, "file"), "");
  await expect(start({ directory: join(directory, "file", "x") })).rejects.toThrow(/ENOTDIR/);
});
