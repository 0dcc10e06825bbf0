import { mkdtemp, readdir, rm, type stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { sampleName, sweep } from "./sweep.ts";

/** Files that are looked at, now and at most. */
const looks = vi.hoisted(() => ({ now: 0, most: 0 }));
vi.mock("node:fs/promises", async (original) => {
  const real = await original<{ readonly stat: typeof stat }>();
  return {
    ...real,
    stat: async (path: string) => {
      looks.now++;
      looks.most = Math.max(looks.most, looks.now);
      const stats = await real.stat(path);
      looks.now--;
      return stats;
    },
  };
});

const DAY_MS = 86_400_000;

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "sweep-"));
  Object.assign(looks, { now: 0, most: 0 });
});
afterEach(() => rm(directory, { recursive: true }));

/** Puts samples of ten bytes each into the directory. */
const fill = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) {
    await writeFile(join(directory, `${sampleName()}.jpg`), "x".repeat(10));
  }
};
const megabytes = (bytes: number): number => bytes / 1e6;

it("makes room for more than the next photo", async () => {
  await fill(20);
  const full = { days: 7, megabytes: megabytes(200) };
  expect(await sweep(directory, full), "no more than it may be").toBe(200);
  await fill(1);
  expect(await sweep(directory, full)).toBe(180);
  expect(await readdir(directory)).toHaveLength(18);
});

it("makes no room where removing the old ones is enough", async () => {
  await fill(20);
  const later = Date.now() + 8 * DAY_MS;
  expect(await sweep(directory, { days: 7, megabytes: megabytes(100) }, later)).toBe(0);
});

it("looks at few files at once: photos are read by the same threads", async () => {
  await fill(20);
  await sweep(directory, { days: 7, megabytes: 1 });
  expect(looks.most).toBe(2);
});
