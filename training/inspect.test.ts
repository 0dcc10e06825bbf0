import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { EFFICIENTNET_LITE0_PREPROCESSING } from "../model/preprocessing-settings.ts";
import { inspectPhotos } from "./inspect.ts";
import type { Source } from "./sources/source.ts";

const flat = sharp({ create: { width: 32, height: 32, channels: 3, background: "teal" } });
const sourceOf = (files: Readonly<Record<string, () => Promise<Uint8Array>>>): Source => ({
  name: "folder",
  photos: Object.entries(files).map(([id, read]) => ({ id, label: id.split(".")[0] ?? "", read })),
  close: () => Promise.resolve(),
});
const inspect = (source: Source) => {
  const updates: number[] = [];
  const progress = { update: (done: number) => updates.push(done), finish: () => updates.push(-1) };
  const result = inspectPhotos(source, EFFICIENTNET_LITE0_PREPROCESSING, progress);
  return { result, updates };
};

describe("inspectPhotos", () => {
  const png = () => flat.clone().png().toBuffer();

  it("leaves out what does not decode, says why, and goes on", async () => {
    const { result, updates } = inspect(
      sourceOf({
        "cat.1.png": png,
        "cat.2.jpg": async () => Buffer.from("text"),
        "dog.1.png": () => flat.clone().rotate(0).png({ compressionLevel: 0 }).toBuffer(),
        "dog.2.png": async () => new Uint8Array(),
        "dog.3.png": () => flat.clone().tint("red").png().toBuffer(),
      }),
    );
    const { examples, skipped } = await result;
    expect(examples.map(({ id }) => id)).toEqual(["cat.1.png", "dog.1.png", "dog.3.png"]);
    expect(skipped.map(({ id }) => id)).toEqual(["cat.2.jpg", "dog.2.png"]);
    expect(skipped[0]?.reason).toMatch(/not a JPEG, PNG or WebP/);
    expect(updates.toSorted((a, b) => a - b)).toEqual([-1, 1, 2, 3, 4, 5]);
    // The first two differ as files and are equal as pictures.
    expect(examples[0]?.digest).not.toBe(examples[1]?.digest);
    expect(examples[0]?.pixelDigest).toBe(examples[1]?.pixelDigest);
    expect(examples[0]?.pixelDigest).not.toBe(examples[2]?.pixelDigest);
  });

  it("sees that a photo is the same with other metadata", async () => {
    const noise = { type: "gaussian", mean: 128, sigma: 40 } as const;
    const photo = sharp({
      create: { width: 200, height: 150, channels: 3, background: "red", noise },
    });
    const jpeg = await photo.jpeg().toBuffer();
    // The frames before the picture are another matter for a decoder that takes plain files only.
    const exif = Buffer.from("ffe10010457869660000494900002a0008000000", "hex");
    exif.writeUInt16BE(exif.length - 2, 2);
    const same = Buffer.concat([jpeg.subarray(0, 2), exif, jpeg.subarray(2)]);
    const { result } = inspect(
      sourceOf({ "cat.1.jpg": async () => jpeg, "dog.1.jpg": async () => same }),
    );
    const { examples } = await result;
    expect(examples).toHaveLength(2);
    expect(examples[0]?.digest).not.toBe(examples[1]?.digest);
    expect(examples[0]?.pixelDigest).toBe(examples[1]?.pixelDigest);
  });

  it("refuses when fewer than two classes remain", async () => {
    const broken = async () => Buffer.from("text");
    const { result } = inspect(sourceOf({ "cat.1.png": png, "dog.1.png": broken }));
    await expect(result).rejects.toThrow(/1 of 2 pictures cannot be decoded/);
  });

  it("does not hide a failing disk", async () => {
    const failing = () => Promise.reject(new Error("EIO"));
    await expect(inspect(sourceOf({ "cat.1.png": failing })).result).rejects.toThrow("EIO");
  });
});
