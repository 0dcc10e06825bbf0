import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { withPlainJpeg } from "./decode-plain-jpeg.ts";

/** A picture with edges and gradients, the same at each run. */
const photo = (seed: number, width = 211, height = 97): Promise<Buffer> => {
  const data = Buffer.from(
    Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * seed) ^ (i >> 7)),
  );
  return sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg()
    .toBuffer();
};
const pixels = (bytes: Uint8Array): Promise<Buffer | undefined> =>
  withPlainJpeg(bytes, ({ data }) => Buffer.from(data));

describe("withPlainJpeg", () => {
  it("gives the bytes that libvips gives", async () => {
    const bytes = await photo(3);
    const expected = await sharp(bytes).raw().toBuffer();
    expect((await pixels(bytes))?.equals(expected)).toBe(true);
    const size = await withPlainJpeg(bytes, ({ width, height }) => ({ width, height }));
    expect(size).toEqual({ width: 211, height: 97 });
  });

  it("keeps photos apart that are decoded at once", async () => {
    const photos = await Promise.all([3, 5, 7, 11].map((seed) => photo(seed)));
    const expected = await Promise.all(photos.map((bytes) => sharp(bytes).raw().toBuffer()));
    const decoded = await Promise.all(photos.map(pixels));
    expect(decoded.map((data, i) => data?.equals(expected[i] as Buffer))).toEqual(
      photos.map(() => true),
    );
  });

  it("decodes nothing whose size is not known beforehand", async () => {
    const progressive = await sharp(await photo(3))
      .jpeg({ progressive: true })
      .toBuffer();
    expect(await pixels(progressive)).toBeUndefined();
    expect(await pixels(await photo(3))).toBeDefined();
  });

  it("gives nothing for a damaged file, and goes on", async () => {
    const bytes = await photo(3);
    const damaged = Buffer.from(bytes).fill(0xff, bytes.length >> 1, (bytes.length >> 1) + 3);
    for (const bad of [bytes.subarray(0, bytes.length - 2), damaged, Buffer.from("none")]) {
      expect(await pixels(bad)).toBeUndefined();
    }
    expect(await pixels(bytes)).toBeDefined();
  });
});
