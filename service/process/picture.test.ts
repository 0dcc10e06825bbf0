import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { decodePhoto, fitWithin, scale } from "./picture.ts";
import { writePicture } from "./write-picture.ts";

const photo = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: "red" } });

describe("decodePhoto", () => {
  it("tells the size as the photo is looked at, and scales what is too large", async () => {
    const turned = await photo(40, 20).withMetadata({ orientation: 6 }).jpeg().toBuffer();
    expect(await decodePhoto(turned, 16)).toMatchObject({
      ...{ width: 20, height: 40 },
      picture: { width: 8, height: 16 },
    });
    const small = await decodePhoto(turned, 100);
    expect(small.picture).toMatchObject({ width: 20, height: 40 });
    expect(small.picture.data).toHaveLength(20 * 40 * 3);
  });

  it("refuses animations and what is no image", async () => {
    const frames = [...new Uint8Array(2 * 4 * 4 * 3)];
    const raw = { width: 4, height: 8, channels: 3, pageHeight: 4 } as const;
    const animation = await sharp(
      Uint8Array.from(frames, (_, i) => (i * 37) % 256),
      { raw },
    )
      .webp({ loop: 0, delay: [100, 100] })
      .toBuffer();
    await expect(decodePhoto(animation, 100)).rejects.toMatchObject({ code: "animated" });
    await expect(decodePhoto(Buffer.from("GIF89a"), 100)).rejects.toMatchObject({
      code: "unsupported-type",
    });
  });
});

describe("scale", () => {
  it("gives a picture the size that is asked for, whatever its shape", async () => {
    const data = Uint8Array.from({ length: 8 * 4 * 3 }, (_, i) =>
      Math.floor(i / 3) % 8 < 4 ? 0 : 90,
    );
    const scaled = await scale({ width: 8, height: 4, data }, { width: 2, height: 3 });
    expect(scaled).toMatchObject({ width: 2, height: 3 });
    const row = [...new Array(3).fill(false), ...new Array(3).fill(true)];
    expect(Array.from(scaled.data, (value) => value > 45)).toEqual([...row, ...row, ...row]);
    expect(await scale(scaled, scaled)).toBe(scaled);
  });
});

describe("fitWithin", () => {
  it.each([
    [{ width: 400, height: 100 }, 200, { width: 200, height: 50 }],
    [{ width: 30, height: 20 }, 200, { width: 30, height: 20 }],
    [{ width: 1000, height: 1 }, 10, { width: 10, height: 1 }],
  ])("%j within %i is %j", (size, longest, expected) => {
    expect(fitWithin(size, longest)).toEqual(expected);
  });
});

describe("writePicture", () => {
  const picture = { width: 2, height: 1, data: Uint8Array.of(10, 20, 30, 200, 100, 50) };
  const mask = { width: 2, height: 1, data: Float32Array.of(0, 1) };
  const read = async (png: Uint8Array) => [...(await sharp(png).raw().toBuffer())];

  it("leaves nothing of the background behind transparency", async () => {
    const png = await writePicture(picture, mask, "transparent");
    expect(await read(png)).toEqual([0, 0, 0, 0, 200, 100, 50, 255]);
  });

  it("puts the foreground on white, mixed at its edge", async () => {
    expect(await read(await writePicture(picture, mask, "white"))).toEqual([
      ...[255, 255, 255],
      ...[200, 100, 50],
    ]);
    const half = { ...mask, data: Float32Array.of(0.5, 1) };
    const [red = 0] = await read(await writePicture(picture, half, "white"));
    expect(Math.abs(red - 132.5)).toBeLessThan(1);
  });

  it("writes the picture as it is when nothing was segmented, and no metadata ever", async () => {
    const png = await writePicture(picture, undefined, "transparent");
    expect(await read(png)).toEqual([...picture.data]);
    const { exif, icc, xmp } = await sharp(png).metadata();
    expect([exif, icc, xmp]).toEqual([undefined, undefined, undefined]);
  });
});
