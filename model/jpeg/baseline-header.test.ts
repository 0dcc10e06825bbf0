import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { readPlainJpegSize } from "./baseline-header.ts";

const picture = (channels: 3 | 4 = 3) =>
  sharp({ create: { width: 40, height: 30, channels, background: { r: 9, g: 99, b: 199 } } });

describe("readPlainJpegSize", () => {
  it.each(["4:2:0", "4:4:4"])(
    "reads the size of a baseline JPEG, %s",
    async (chromaSubsampling) => {
      const bytes = await picture().jpeg({ chromaSubsampling }).toBuffer();
      expect(readPlainJpegSize(bytes)).toEqual({ width: 40, height: 30 });
    },
  );

  it("reads it wherever the bytes lie in their buffer", async () => {
    const bytes = await picture().jpeg().toBuffer();
    const behind = Buffer.concat([Buffer.alloc(7), bytes]).subarray(7);
    expect(readPlainJpegSize(behind)).toEqual({ width: 40, height: 30 });
  });

  const left: Readonly<Record<string, () => Promise<Buffer>>> = {
    "progressive, whose scans nobody counts": () =>
      picture().jpeg({ progressive: true }).toBuffer(),
    "turned by Exif": () => picture().withMetadata({ orientation: 6 }).jpeg().toBuffer(),
    "with a colour profile": () => picture().withIccProfile("p3").jpeg().toBuffer(),
    CMYK: () => picture().toColourspace("cmyk").jpeg().toBuffer(),
    grey: () => picture().toColourspace("b-w").jpeg().toBuffer(),
    "with its components in scans of their own": async () => {
      const bytes = await picture().jpeg().toBuffer();
      bytes[bytes.indexOf(Buffer.from([0xff, 0xda])) + 4] = 1;
      return bytes;
    },
    "with two frames": async () => {
      const bytes = await picture().jpeg().toBuffer();
      const frame = bytes.indexOf(Buffer.from([0xff, 0xc0]));
      const segment = bytes.subarray(frame, frame + 19);
      return Buffer.concat([bytes.subarray(0, frame), segment, bytes.subarray(frame)]);
    },
    "with a progressive frame behind a baseline one": async () => {
      const [baseline, progressive] = await Promise.all(
        [false, true].map((each) => picture().jpeg({ progressive: each }).toBuffer()),
      );
      const at = (bytes: Buffer, marker: number) => bytes.indexOf(Buffer.from([0xff, marker]));
      const second = progressive?.subarray(at(progressive, 0xc2), at(progressive, 0xc2) + 19);
      const scan = at(baseline as Buffer, 0xda);
      return Buffer.concat([
        (baseline as Buffer).subarray(0, scan),
        second as Buffer,
        (baseline as Buffer).subarray(scan),
      ]);
    },
    "cut off before its scan": async () => {
      const bytes = await picture().jpeg().toBuffer();
      return bytes.subarray(0, bytes.indexOf(Buffer.from([0xff, 0xda])));
    },
    "of its first bytes": async () => Buffer.from([0xff, 0xd8, 0xff]),
  };

  /**
   * A progressive JPEG whose frame stands behind some bytes, and a small baseline one where a reader goes on that takes the two
   * bytes behind the first marker for a length.
   */
  const withDecoy = async (...first: readonly number[]): Promise<Buffer> => {
    const large = await picture().resize(400, 300).jpeg({ progressive: true }).toBuffer();
    const frame = large.indexOf(Buffer.from([0xff, 0xc2]));
    const segment = large.subarray(frame, frame + 19);
    const rest = [large.subarray(2, frame), large.subarray(frame + 19)];
    const start = Buffer.concat([Buffer.from([0xff, 0xd8, ...first]), segment, ...rest]);
    const decoyAt = 4 + start.readUInt16BE(4);
    const padding = Buffer.alloc(decoyAt - start.length);
    return Buffer.concat([start, padding, (await picture().jpeg().toBuffer()).subarray(2)]);
  };

  it.each([
    ["a fill byte", [0xff]],
    ["a marker without a length", [0xff, 0x01]],
    ["a restart marker", [0xff, 0xd0]],
  ])("is not led past a frame by %s in front of it", async (_, first) => {
    const bytes = await withDecoy(...first);
    const seen = { isProgressive: true, width: 400, height: 300 };
    expect(await sharp(bytes).metadata(), "libjpeg sees it").toMatchObject(seen);
    expect(readPlainJpegSize(bytes)).toBeUndefined();
  });

  it.each(Object.entries(left))("leaves to libvips what is %s", async (_, make) => {
    expect(readPlainJpegSize(await make())).toBeUndefined();
  });
});
