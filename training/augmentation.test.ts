import { describe, expect, it } from "vitest";
import { decodePixels } from "../model/preprocessing.ts";
import { EFFICIENTNET_LITE0_PREPROCESSING as SETTINGS } from "../model/preprocessing-settings.ts";
import { decodeAugmented } from "./augmentation.ts";
import { createRandom } from "./random.ts";
import { openSample } from "./sources/sample.ts";

describe("decodeAugmented", () => {
  const bytes = openSample({ seed: 1, count: 1 }).photos[0]?.read() ?? Promise.reject();
  const view = async (key: number) => decodeAugmented(await bytes, SETTINGS, createRandom(key));

  it("gives pixels of the network's size that differ from view to view and from the plain ones", async () => {
    const views = await Promise.all([1, 2, 3, 4, 5, 6].map(view));
    const all = [await decodePixels(await bytes, SETTINGS), ...views];
    for (const pixels of all) expect(pixels.length).toBe(224 * 224 * 3);
    expect(new Set(all.map((pixels) => Buffer.from(pixels).toString("base64"))).size).toBe(7);
  });

  it("gives the same pixels for the same stream", async () => {
    expect(Buffer.from(await view(9)).equals(await view(9))).toBe(true);
  });
});
