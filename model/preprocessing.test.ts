import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { crc32, deflateSync } from "node:zlib";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import type { ImageErrorCode } from "./image-error.ts";
import { createPacker, decodePixels } from "./preprocessing.ts";
import { EFFICIENTNET_LITE0_PREPROCESSING as SETTINGS } from "./preprocessing-settings.ts";

type Colour = { r: number; g: number; b: number };
const RED: Colour = { r: 200, g: 30, b: 40 };
const BLUE: Colour = { r: 20, g: 30, b: 220 };

const plain = (background: Colour, width = 320, height = 240) =>
  sharp({ create: { width, height, channels: 3, background } });

/** Red on the left half, blue on the right. */
const halves = () =>
  plain(RED, 300, 300).composite([
    {
      input: { create: { width: 150, height: 300, channels: 3, background: BLUE } },
      left: 150,
      top: 0,
    },
  ]);

const at = (pixels: Uint8Array, x: number, y: number): number[] => [
  ...pixels.subarray((y * 224 + x) * 3, (y * 224 + x) * 3 + 3),
];
const expectColour = (pixel: number[], { r, g, b }: Colour, tolerance = 4): void => {
  for (const [i, value] of [r, g, b].entries()) {
    expect(Math.abs((pixel[i] ?? Number.NaN) - value)).toBeLessThanOrEqual(tolerance);
  }
};

const pngChunk = (type: string, data: Buffer): Buffer => {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
};

const [ROWS, INTERLACED] = [0, 1];

/** A PNG of a few bytes that claims any size: 8 bits of RGB or 16 of RGBA, row by row or interlaced. */
const claimingPng = (side: number, bits: 8 | 16 = 8, stored = ROWS): Buffer => {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header.set([bits, bits === 8 ? 2 : 6, 0, 0, stored], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    pngChunk("IHDR", header),
    pngChunk("IDAT", deflateSync(Buffer.alloc(64))),
    pngChunk("IEND", Buffer.alloc(0)),
  ]);
};

const animation = (format: "webp" | "gif"): Promise<Buffer> => {
  const raw = { width: 16, height: 32, channels: 3 as const, pageHeight: 16 };
  const frames = Buffer.concat([Buffer.alloc(768, 10), Buffer.alloc(768, 240)]);
  return sharp(frames, { raw })[format]().toBuffer();
};

describe("decodePixels gives 224 × 224 × 3 bytes", () => {
  it.each(["jpeg", "png", "webp"] as const)("from %s, in RGB order", async (format) => {
    const pixels = await decodePixels(await plain(RED)[format]().toBuffer(), SETTINGS);
    expect(pixels).toBeInstanceOf(Uint8Array);
    expect(pixels.length).toBe(224 * 224 * 3);
    expectColour(at(pixels, 112, 112), RED, 6);
  });

  it.each([
    [1, 1],
    [17, 900],
    [2000, 150],
  ])("from %i × %i pixels", async (width, height) => {
    const pixels = await decodePixels(await plain(BLUE, width, height).png().toBuffer(), SETTINGS);
    expect(pixels.length).toBe(224 * 224 * 3);
    expectColour(at(pixels, 0, 223), BLUE);
  });

  it("crops the centre of the longer side", async () => {
    const ends = { create: { width: 100, height: 200, channels: 3 as const, background: RED } };
    const photo = plain(BLUE, 400, 200).composite([
      { input: ends, left: 0, top: 0 },
      { input: ends, left: 300, top: 0 },
    ]);
    const pixels = await decodePixels(await photo.png().toBuffer(), SETTINGS);
    expectColour(at(pixels, 0, 112), BLUE);
    expectColour(at(pixels, 223, 112), BLUE);
  });

  it("applies the EXIF rotation", async () => {
    const upright = await decodePixels(await halves().jpeg().toBuffer(), SETTINGS);
    expectColour(at(upright, 20, 112), RED, 8);
    expectColour(at(upright, 200, 112), BLUE, 8);
    const turned = await halves().withMetadata({ orientation: 6 }).jpeg().toBuffer();
    const pixels = await decodePixels(turned, SETTINGS);
    expectColour(at(pixels, 112, 20), RED, 8);
    expectColour(at(pixels, 112, 200), BLUE, 8);
  });

  it("takes what a progressive photo of 25 megapixels needs", async () => {
    expectColour(at(await decodePixels(await progressive("4:2:0"), SETTINGS), 112, 112), RED, 6);
  });

  it("decodes a large photo that is turned in the same way as one that is not, scaled by libjpeg", async () => {
    const side = 1200;
    const noise = { type: "gaussian", mean: 128, sigma: 60 } as const;
    const raw = { width: side, height: side, channels: 3 } as const;
    const values = await sharp({ create: { ...raw, background: RED, noise } })
      .raw()
      .toBuffer();
    const photo = () => sharp(values, { raw });
    const upright = await decodePixels(await photo().jpeg().toBuffer(), SETTINGS);
    const turned = await photo().withMetadata({ orientation: 6 }).jpeg().toBuffer();
    const pixels = await decodePixels(turned, SETTINGS);
    for (let i = 0; i < 224; i++) expect(at(pixels, 223 - i, 50)).toEqual(at(upright, 50, i));
  });

  it("converts CMYK", async () => {
    const cmyk = await plain(RED).toColourspace("cmyk").jpeg().toBuffer();
    expect((await sharp(cmyk).metadata()).space).toBe("cmyk");
    const pixels = await decodePixels(cmyk, SETTINGS);
    const [r = 0, g = 0, b = 0] = at(pixels, 112, 112);
    expect(r).toBeGreaterThan(g + 80);
    expect(r).toBeGreaterThan(b + 80);
  });

  it("converts 16 bits", async () => {
    const deep = await plain(RED).toColourspace("rgb16").png().toBuffer();
    expect((await sharp(deep).metadata()).depth).toBe("ushort");
    expectColour(at(await decodePixels(deep, SETTINGS), 112, 112), RED);
  });

  it("converts grey to three equal channels", async () => {
    const grey = await plain(RED).toColourspace("b-w").png().toBuffer();
    expect((await sharp(grey).metadata()).channels).toBe(1);
    const [r, g, b] = at(await decodePixels(grey, SETTINGS), 112, 112);
    expect([g, b]).toEqual([r, r]);
  });

  it("puts white behind transparency", async () => {
    const clear = {
      create: { width: 64, height: 64, channels: 4 as const, background: { ...RED, alpha: 0 } },
    };
    const pixels = await decodePixels(await sharp(clear).png().toBuffer(), SETTINGS);
    expectColour(at(pixels, 112, 112), { r: 255, g: 255, b: 255 });
  });
});

/** As large as a photo may be, in a hundredth of its usual bytes. */
const progressive = (chromaSubsampling: "4:2:0" | "4:4:4"): Promise<Buffer> =>
  plain(RED, 5000, 5000).jpeg({ progressive: true, chromaSubsampling }).toBuffer();

describe("decodePixels refuses", () => {
  const whole = halves().jpeg().toBuffer();
  const cases: readonly [string, ImageErrorCode, () => Promise<Uint8Array>][] = [
    ["nothing", "empty", async () => new Uint8Array()],
    ["text", "unsupported-type", async () => Buffer.from("not an image at all")],
    [
      "SVG",
      "unsupported-type",
      async () => Buffer.from("<svg xmlns='http://www.w3.org/2000/svg'/>"),
    ],
    ["GIF", "unsupported-type", () => animation("gif")],
    ["TIFF", "unsupported-type", () => plain(RED).tiff().toBuffer()],
    ["animated WebP", "animated", () => animation("webp")],
    [
      "a truncated JPEG",
      "undecodable",
      async () => (await whole).subarray(0, Math.floor((await whole).length / 2)),
    ],
    ["a JPEG of its first bytes", "undecodable", async () => (await whole).subarray(0, 12)],
    [
      "a truncated PNG",
      "undecodable",
      async () => (await plain(RED).png().toBuffer()).subarray(0, 90),
    ],
    ["64250 × 64250 in a few bytes", "too-many-pixels", async () => claimingPng(64_250)],
    ["one pixel row above the limit", "too-many-pixels", async () => claimingPng(5001)],
    [
      "200 MB that cannot be decoded row by row",
      "too-many-pixels",
      async () => claimingPng(5000, 16, INTERLACED),
    ],
    [
      "a progressive JPEG whose coefficients take 150 MB",
      "too-many-pixels",
      () => progressive("4:4:4"),
    ],
    ["200 MB row by row for what else is wrong", "undecodable", async () => claimingPng(5000, 16)],
  ];

  it.each(cases)("%s as %s, in one line", async (_, code, make) => {
    const bytes = await make();
    await expect(decodePixels(bytes, SETTINGS)).rejects.toMatchObject({
      name: "ImageError",
      code,
      message: expect.stringMatching(/^[^\n]{10,}$/),
    });
  });
});

describe("the loaders of libvips", () => {
  const OURS = ["jpeg", "png", "webp"];
  const others: Readonly<Record<string, () => Promise<Uint8Array>>> = {
    gif: () => plain(RED, 8, 8).gif().toBuffer(),
    tiff: () => plain(RED, 8, 8).tiff().toBuffer(),
    heif: () => plain(RED, 8, 8).avif().toBuffer(),
    svg: async () =>
      Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><rect/></svg>'),
  };

  it("are ours and these, so that a new one is noticed", () => {
    const loadable = Object.entries(sharp.format)
      .filter(([name, { input }]) => input.buffer && name !== "raw")
      .map(([name]) => name);
    expect(loadable.sort()).toEqual([...OURS, ...Object.keys(others)].sort());
  });

  it.each(Object.entries(others))("do not load %s", async (_, make) => {
    await expect(sharp(await make()).metadata()).rejects.toThrow("unsupported image format");
  });

  it("load ours while other threads start", async () => {
    const photo = await plain(RED, 8, 8).jpeg().toBuffer();
    let starting = true;
    // Headers only: what a loader is chosen for, thousands of times.
    const openMeanwhile = async (): Promise<void> => {
      while (starting) await sharp(photo).metadata();
    };
    const opening = Promise.all(Array.from({ length: 4 }, openMeanwhile));
    const program = new URL("./preprocessing.ts", import.meta.url);
    const startThreads = async (): Promise<void> => {
      for (let i = 0; i < 20; i++) await once(new Worker(program), "exit");
    };
    await startThreads().finally(() => {
      starting = false;
    });
    await opening;
  }, 300_000);
});

describe("createPacker", () => {
  const settings = { ...SETTINGS, inputSize: 2, mean: [127, 100, 0], std: [128, 2, 1] } as const;
  const pack = createPacker({ ...settings, mean: [127, 100, 0], std: [128, 2, 1] });

  it("writes normalised planes at the offset and nothing else", () => {
    const pixels = Uint8Array.from([0, 1, 2, 3, 4, 5, 6, 7, 8, 255, 10, 11]);
    const target = new Float32Array(14).fill(9);
    pack(pixels, target, 1);
    const red = [0, 3, 6, 255].map((value) => Math.fround((value - 127) / 128));
    const green = [1, 4, 7, 10].map((value) => (value - 100) / 2);
    expect([...target]).toEqual([9, ...red, ...green, 2, 5, 8, 11, 9]);
  });

  it("maps bytes to the network's range", () => {
    const target = new Float32Array(3 * 224 * 224);
    createPacker(SETTINGS)(
      new Uint8Array(target.length).map((_, i) => i % 256),
      target,
      0,
    );
    expect(Math.min(...target.slice(0, 5000))).toBe(Math.fround(-127 / 128));
    expect(Math.max(...target.slice(0, 5000))).toBe(1);
  });

  it("refuses pixels of another size", () => {
    expect(() => pack(new Uint8Array(11), new Float32Array(12), 0)).toThrow(RangeError);
  });
});
