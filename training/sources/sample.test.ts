import { describe, expect, it } from "vitest";
import { digestOf } from "../../model/digest.ts";
import { decodePixels } from "../../model/preprocessing.ts";
import { EFFICIENTNET_LITE0_PREPROCESSING } from "../../model/preprocessing-settings.ts";
import { openSample } from "./sample.ts";

const draw = (seed: number, count: number): Promise<Uint8Array[]> =>
  Promise.all(openSample({ seed, count }).photos.map((photo) => photo.read()));

describe("openSample", () => {
  it("draws cats and dogs in turn", () => {
    const photos = openSample({ seed: 1, count: 5 }).photos.map(({ id, label }) => [id, label]);
    expect(photos).toEqual([
      ["cat.0.png", "cat"],
      ["dog.0.png", "dog"],
      ["cat.1.png", "cat"],
      ["dog.1.png", "dog"],
      ["cat.2.png", "cat"],
    ]);
  });

  it("draws these pixels on every machine: the committed split lists depend on it", async () => {
    const [cat, dog] = await draw(42, 2);
    expect([cat, dog].map((bytes) => digestOf(bytes ?? ""))).toMatchInlineSnapshot(`
      [
        "sha256:be90127cdb102613e248426702ec955e7c53766650d3af9d7bba9e5bafd1ca4b",
        "sha256:04b454b6f76abdc692bc8973f35267c28b53ffe7deb8cb4b6a9e9f56de442914",
      ]
    `);
  });

  it("draws the same for the same seed, more for a larger count, other for another seed", async () => {
    const [few, many, other] = await Promise.all([draw(3, 4), draw(3, 8), draw(4, 4)]);
    expect(many.slice(0, 4).map(digestOf)).toEqual(few.map(digestOf));
    expect(new Set([...many, ...other].map(digestOf)).size).toBe(12);
  });

  it("draws what the network can read, neither flat nor noise", async () => {
    for (const bytes of await draw(5, 6)) {
      const pixels = await decodePixels(bytes, EFFICIENTNET_LITE0_PREPROCESSING);
      const mean = pixels.reduce((sum, value) => sum + value, 0) / pixels.length;
      const deviation = Math.sqrt(
        pixels.reduce((sum, value) => sum + (value - mean) ** 2, 0) / pixels.length,
      );
      expect(mean).toBeGreaterThan(40);
      expect(mean).toBeLessThan(220);
      expect(deviation).toBeGreaterThan(20);
    }
  });
});
