import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { digestOf } from "../model/digest.ts";
import { EFFICIENTNET_LITE0_PREPROCESSING } from "../model/preprocessing-settings.ts";
import { EMBEDDING_SIZE } from "./backbone/efficientnet-lite0.ts";
import { embedViews } from "./features.ts";
import { openSample } from "./sources/sample.ts";
import { stubBackbone } from "./testing/stub-backbone.ts";
import { temporaryDirectory } from "./testing/temporary-directory.ts";

const backbone = stubBackbone();

/** Three drawings in two views each; `reads` counts how often their bytes were asked for. */
const setUp = async () => {
  const counter = { reads: 0 };
  const cache = await temporaryDirectory();
  const examples = await Promise.all(
    openSample({ seed: 2, count: 3 }).photos.map(async (photo) => {
      const bytes = await photo.read();
      const read = () => {
        counter.reads++;
        return Promise.resolve(bytes);
      };
      return { ...photo, read, digest: digestOf(bytes), pixelDigest: "" };
    }),
  );
  const views = examples.flatMap((example) => [0, 1].map((view) => ({ example, view })));
  const embed = (seed: number, preprocessing = EFFICIENTNET_LITE0_PREPROCESSING) =>
    embedViews("embedding", views, { backbone, preprocessing, seed, cache, threads: 1 });
  return { cache, counter, embed };
};

describe("embedViews", () => {
  it("gives one embedding for each view, all different, and reads each picture once", async () => {
    const { counter, embed } = await setUp();
    const embeddings = await embed(1);
    expect(embeddings.map(({ length }) => length)).toEqual(new Array(6).fill(EMBEDDING_SIZE));
    expect(new Set(embeddings.map((values) => values.join())).size).toBe(6);
    expect(counter.reads).toBe(3);
  });

  it("computes nothing twice", async () => {
    const { counter, embed } = await setUp();
    const first = await embed(1);
    counter.reads = 0;
    expect(await embed(1)).toEqual(first);
    expect(counter.reads).toBe(0);
  });

  it("keeps plain views over seeds, but not augmented ones, and nothing over settings", async () => {
    const { cache, embed } = await setUp();
    const [first, other] = [await embed(1), await embed(2)];
    expect([0, 2, 4].map((i) => other[i])).toEqual([0, 2, 4].map((i) => first[i]));
    expect(other[1]).not.toEqual(first[1]);
    const closer = await embed(1, { ...EFFICIENTNET_LITE0_PREPROCESSING, resizeTo: 300 });
    expect(closer[0]).not.toEqual(first[0]);
    expect(await readdir(join(cache, "features"))).toHaveLength(2);
  });
});
