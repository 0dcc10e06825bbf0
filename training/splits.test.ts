import { readFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { digestOf } from "../model/digest.ts";
import { type Splittable, splitExamples, writeSplits } from "./splits.ts";
import { temporaryDirectory } from "./testing/temporary-directory.ts";

const NAMES = ["train", "val", "test"] as const;

const item = (label: string, index: number, content = `${label} ${index}`): Splittable => ({
  id: `${label}.${index}.png`,
  label,
  digest: digestOf(`${content} file ${index}`),
  pixelDigest: digestOf(content),
});

/** Classes of some pictures, of which some are copies of others. */
const dataSet = fc
  .array(
    fc.record({ size: fc.integer({ min: 12, max: 90 }), copies: fc.integer({ min: 0, max: 6 }) }),
    {
      minLength: 2,
      maxLength: 4,
    },
  )
  .map((classes) =>
    classes.flatMap(({ size, copies }, c) =>
      Array.from({ length: size + copies }, (_, i) =>
        item(`class${c}`, i, `${c} ${i < size ? i : i - size}`),
      ),
    ),
  );

describe("splitExamples", () => {
  it("puts every picture into exactly one part", () => {
    fc.assert(
      fc.property(dataSet, fc.integer(), (items, seed) => {
        const parts = splitExamples(items, seed);
        const ids = NAMES.flatMap((name) => parts[name].map(({ id }) => id));
        expect(ids.sort()).toEqual(items.map(({ id }) => id).sort());
      }),
    );
  });

  it("never lets equal pictures straddle", () => {
    fc.assert(
      fc.property(dataSet, fc.integer(), (items, seed) => {
        const parts = splitExamples(items, seed);
        const seen = NAMES.map((name) => new Set(parts[name].map((one) => one.pixelDigest)));
        const total = seen.reduce((sum, { size }) => sum + size, 0);
        expect(total).toBe(new Set(items.map((one) => one.pixelDigest)).size);
      }),
    );
  });

  it("takes a tenth of each class for validation and for test, but for what copies add", () => {
    fc.assert(
      fc.property(dataSet, fc.integer(), (items, seed) => {
        const parts = splitExamples(items, seed);
        for (const [label, all] of Map.groupBy(items, (one) => one.label)) {
          for (const name of ["val", "test"] as const) {
            const count = parts[name].filter((one) => one.label === label).length;
            expect(count).toBeGreaterThanOrEqual(Math.round(all.length / 10));
            expect(count).toBeLessThanOrEqual(Math.round(all.length / 10) + 1);
          }
        }
      }),
    );
  });

  it("does not depend on the order in which pictures come", () => {
    fc.assert(
      fc.property(dataSet, fc.integer(), (items, seed) => {
        expect(splitExamples([...items].reverse(), seed)).toEqual(splitExamples(items, seed));
      }),
    );
  });

  it("splits otherwise with another seed", () => {
    const items = Array.from({ length: 60 }, (_, i) => item(i % 2 ? "cat" : "dog", i));
    expect(splitExamples(items, 1).test).not.toEqual(splitExamples(items, 2).test);
  });

  it("says which class is too small", () => {
    const items = [...[0, 1, 2, 3].map((i) => item("cat", i)), item("dog", 0), item("dog", 1)];
    expect(() => splitExamples(items, 1)).toThrow(/class "dog" has 2 different pictures/);
  });
});

describe("writeSplits", () => {
  it("writes lists and metadata that agree, the same bytes each time", async () => {
    const items = Array.from({ length: 40 }, (_, i) => item(i % 2 ? "cat" : "dog", i));
    const about = { source: "folder", seed: 7, labels: ["cat", "dog"] };
    const write = async () => {
      const directory = await temporaryDirectory();
      const metadata = await writeSplits(directory, splitExamples(items, 7), about);
      const read = (name: string) => readFile(join(directory, name), "utf8");
      return {
        metadata,
        json: await read("metadata.json"),
        lists: await Promise.all(NAMES.map((name) => read(`${name}.txt`))),
      };
    };
    const [first, second] = [await write(), await write()];
    expect(second).toEqual(first);
    expect(JSON.parse(first.json)).toEqual(first.metadata);
    expect(first.metadata).toMatchObject({
      counts: { train: 32, val: 4, test: 4 },
      countsByClass: { cat: { train: 16, val: 2, test: 2 } },
      classes: { cat: 0, dog: 1 },
    });
    const lines = first.lists.map((list) => list.trim().split("\n"));
    expect(lines.map(({ length }) => length)).toEqual([32, 4, 4]);
    expect(lines[0]?.[0]).toMatch(/^sha256:[0-9a-f]{64}\t(cat|dog)\t\w+\.\d+\.png$/);
  });
});
