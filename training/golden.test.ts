import sharp from "sharp";
import { expect, it } from "vitest";
import type { Classifier } from "../model/classifier.ts";
import { pickGolden } from "./golden.ts";
import type { Example } from "./inspect.ts";

const picture = await sharp({ create: { width: 8, height: 8, channels: 3, background: "red" } })
  .png()
  .toBuffer();

it("gives each picture a file of its own, whatever script its label is in", async () => {
  const labels = ["кот", "пес", "big cat", "big_cat"];
  const probabilities = Object.fromEntries(labels.map((label) => [label, 1]));
  const sure: Pick<Classifier, "metadata" | "decode" | "classify"> = {
    metadata: { labels } as unknown as Classifier["metadata"],
    decode: async (bytes) => bytes,
    classify: async () => [{ label: "", probability: 1, probabilities }],
  };
  const examples = labels.flatMap((label) =>
    [1, 2].map((n): Example => {
      const id = `${label}/${n}.png`;
      return { id, label, read: async () => picture, digest: id, pixelDigest: id };
    }),
  );
  const golden = await pickGolden(examples, {
    fp32: sure as Classifier,
    int8: sure as Classifier,
  });
  expect(golden.map(({ label }) => label)).toEqual(labels.flatMap((label) => [label, label]));
  expect(new Set(golden.map(({ file }) => file)).size).toBe(8);
  expect(golden[0]?.file).toBe("golden/___-1.jpg");
});
