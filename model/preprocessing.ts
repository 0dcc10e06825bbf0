import sharp, { type Metadata, type Sharp } from "sharp";
import { ImageError } from "./image-error.ts";
import { detectImageType } from "./image-type.ts";
import { readPlainJpegSize } from "./jpeg/baseline-header.ts";
import { withPlainJpeg } from "./jpeg/decode-plain-jpeg.ts";
import type { Preprocessing } from "./preprocessing-settings.ts";
import { scaleCentre } from "./resample/scale-centre.ts";

/** Pixels above which a photo is refused by its header, before anything is decoded: a 5 kB file can claim 4 gigapixels. */
const MAX_PIXELS = 25_000_000;
/**
 * Bytes above which a photo is refused that has to be held whole while it is decoded: four are decoded at once, and a picture
 * of one colour has 200 kB, whatever it claims. It is what a photo of 25 megapixels takes that is stored as most of such are.
 */
const MAX_HELD_BYTES = 100_000_000;
const DECODE_TIMEOUT_SECONDS = 10;

// Behind detectImageType, which lets three formats through: every other loader that a build of libvips may have. Not all of
// them and then three back: this switch is the whole process's, and each worker that starts would refuse the photos that
// another one is about to decode.
sharp.block({
  operation: [
    ...[
      "Csv",
      "Matrix",
      "Raw",
      "Vips",
      "Analyze",
      "Ppm",
      "Rad",
      "Nsgif",
      "Svg",
      "Tiff",
      "Heif",
      "Jxl",
      "Jp2k",
    ],
    ...[
      "Uhdr",
      "Pdf",
      "Magick",
      "Magick7",
      "Openslide",
      "OpenExr",
      "Nifti",
      "Fits",
      "Mat",
      "DcRaw",
    ],
  ].map((loader) => `VipsForeignLoad${loader}`),
});
// A server decodes many photos at once: one thread each, and no cache of operations that never recur.
sharp.concurrency(1);
sharp.cache(false);

const explain = (error: unknown): ImageError => {
  const reason = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
  if (/pixel limit/i.test(reason)) {
    return new ImageError(
      "too-many-pixels",
      `The image has more than ${MAX_PIXELS / 1e6} megapixels; make it smaller.`,
      { cause: error },
    );
  }
  if (/timeout/i.test(reason)) {
    return new ImageError(
      "decode-timeout",
      `The image took longer than ${DECODE_TIMEOUT_SECONDS} s to decode; re-encode it.`,
      { cause: error },
    );
  }
  return new ImageError("undecodable", `The image cannot be decoded (${reason}).`, {
    cause: error,
  });
};

/**
 * A sharp pipeline over untrusted bytes, with the EXIF rotation applied, in sRGB without alpha (transparent is white).
 * Every decode in this project starts here.
 *
 * @throws ImageError `empty` or `unsupported-type`, at once; the others when the pipeline runs (see `runImage`)
 */
export const openImage = (bytes: Uint8Array): Sharp => {
  detectImageType(bytes);
  return sharp(bytes, { limitInputPixels: MAX_PIXELS, failOn: "warning" })
    .timeout({ seconds: DECODE_TIMEOUT_SECONDS })
    .autoOrient()
    .flatten({ background: "white" })
    .toColourspace("srgb");
};

/** Awaits a pipeline of `openImage` and turns whatever the decoder says into an `ImageError`. */
export const runImage = async <T>(work: Promise<T>): Promise<T> => {
  try {
    return await work;
  } catch (error) {
    throw explain(error);
  }
};

/**
 * Bytes that a decoder holds at once of a picture that is stored in several passes over the whole of it: the pixels of an
 * interlaced PNG, the coefficients of a progressive JPEG. Others are decoded row by row.
 */
const heldBytes = (header: Metadata): number => {
  const { format, width, height, channels, depth, chromaSubsampling, isProgressive } = header;
  if (!isProgressive) return 0;
  if (format !== "jpeg") return width * height * channels * (depth === "ushort" ? 2 : 1);
  // Two bytes a coefficient, and a quarter as many for each colour where their resolution is halved. About: libvips says so of
  // any other subsampling, too, with which it can be two thirds more.
  return width * height * 2 * (chromaSubsampling === "4:2:0" ? 1.5 : channels);
};

/**
 * Reads what a photo's header says of it, and refuses what is not decoded here.
 *
 * @throws ImageError
 */
export const readHeader = async (image: Sharp): Promise<Metadata> => {
  const header = await runImage(image.metadata());
  if ((header.pages ?? 1) > 1) {
    throw new ImageError("animated", "The image is an animation; send one still picture.");
  }
  if (heldBytes(header) > MAX_HELD_BYTES) {
    throw new ImageError(
      "too-many-pixels",
      `The image is interlaced or progressive, and its decoding takes more than ${MAX_HELD_BYTES / 1e6} MB; store it row by row (baseline), or make it smaller.`,
    );
  }
  return header;
};

/** Pixels up to which a JPEG is decoded here at once: a few milliseconds, in which a thread does nothing else. */
const SMALL_PIXELS = 500_000;

/**
 * The way of most photos that are sent to a classifier, in less than half of the time: small JPEGs for which libvips has
 * nothing to do but to decode and to scale.
 *
 * @returns undefined for what it is not made for, and for damaged files: libvips has the words for those
 */
const decodeSmallJpeg = async (
  bytes: Uint8Array,
  { kernel, ...settings }: Preprocessing,
): Promise<Uint8Array | undefined> => {
  if (kernel !== "linear" || detectImageType(bytes) !== "image/jpeg") return undefined;
  const size = readPlainJpegSize(bytes);
  // From twice the size on, libvips lets libjpeg decode a part of the frequencies only, which is faster.
  if (!size || Math.min(size.width, size.height) >= 2 * settings.resizeTo) return undefined;
  if (size.width * size.height > SMALL_PIXELS) return undefined;
  return withPlainJpeg(bytes, (image) => scaleCentre(image, settings));
};

/**
 * Cuts a square out of a square of `side × side × 3` bytes. To be used instead of sharp's extract(), which has a photo with an
 * EXIF rotation decoded whole, and turned, before it is scaled.
 */
export const cutSquare = (
  pixels: Uint8Array,
  side: number,
  { left, top, size }: { readonly left: number; readonly top: number; readonly size: number },
): Uint8Array => {
  const square = new Uint8Array(size * size * 3);
  for (let y = 0; y < size; y++) {
    const from = ((y + top) * side + left) * 3;
    square.set(pixels.subarray(from, from + size * 3), y * size * 3);
  }
  return square;
};

/**
 * Decodes a JPEG, PNG or WebP photo: EXIF rotation, RGB, scale, centre crop.
 *
 * @returns `inputSize × inputSize × 3` bytes, row by row, RGB interleaved (HWC), each 0..255
 * @throws ImageError for every kind of bad input
 */
export const decodePixels = async (
  bytes: Uint8Array,
  settings: Preprocessing,
): Promise<Uint8Array> =>
  (await decodeSmallJpeg(bytes, settings)) ?? decodeByLibvips(bytes, settings);

/** As {@link decodePixels}, by the one way that every file can go: pictures are compared by it. */
export const decodeByLibvips = async (
  bytes: Uint8Array,
  settings: Preprocessing,
): Promise<Uint8Array> => {
  const image = openImage(bytes);
  await readHeader(image);
  const { inputSize, resizeTo, kernel } = settings;
  const scaled = await runImage(
    image.resize(resizeTo, resizeTo, { fit: "cover", kernel }).raw({ depth: "uchar" }).toBuffer(),
  );
  const margin = Math.floor((resizeTo - inputSize) / 2);
  return cutSquare(scaled, resizeTo, { left: margin, top: margin, size: inputSize });
};

/** Makes the function that writes RGB bytes (HWC) as normalised floats (CHW) into a tensor's buffer at `offset`. */
export const createPacker = (
  settings: Preprocessing,
): ((pixels: Uint8Array, target: Float32Array, offset: number) => void) => {
  const plane = settings.inputSize ** 2;
  const table = (channel: 0 | 1 | 2): Float32Array =>
    Float32Array.from(
      { length: 256 },
      (_, value) => (value - settings.mean[channel]) / settings.std[channel],
    );
  const [red, green, blue] = [table(0), table(1), table(2)];
  return function pack(pixels, target, offset) {
    if (pixels.length !== plane * 3) {
      throw new RangeError(`expected ${plane * 3} pixel bytes, got ${pixels.length}`);
    }
    for (let i = 0, from = 0, to = offset; i < plane; i++, from += 3, to++) {
      target[to] = red[pixels[from] as number] as number;
      target[to + plane] = green[pixels[from + 1] as number] as number;
      target[to + 2 * plane] = blue[pixels[from + 2] as number] as number;
    }
  };
};
