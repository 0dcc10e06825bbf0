import sharp from "sharp";
import type { Random } from "../../training/random.ts";

/** A body for `/predict`, and the Content-Type that it claims. */
export type Upload = { readonly type: string; readonly body: Buffer };

const TYPES = ["image/jpeg", "image/png", "image/webp", "application/octet-stream"];
const BOUNDARY = "fuzz-boundary";
const FORM_TYPE = `multipart/form-data; boundary=${BOUNDARY}`;
/** Where parsers have their corners: bounds of integers, JPEG's markers, ends of lines, a boundary's dashes. */
const TOKENS = [
  ...["00", "ff", "7f", "80", "ffff", "0000", "7fffffff", "80000000", "ffffffff"],
  ...["ffd8", "ffd9", "ffda", "ffc0", "ffc2", "ffe1", "ffdb"],
  ...["0d0a", "0d0a0d0a", "2d2d", "0d0a2d2d", "22", "5c", "3b"],
].map((hex) => Buffer.from(hex, "hex"));
const MAX_SLICE = 2000;

/** Small pictures of every kind that the service takes: a mutation of a small file reaches more of a decoder. */
export const drawSeeds = (): Promise<Buffer[]> => {
  const noise = { type: "gaussian", mean: 120, sigma: 40 } as const;
  const picture = (channels: 3 | 4) =>
    sharp({ create: { width: 96, height: 72, channels, background: "gray", noise } });
  return Promise.all([
    picture(3).jpeg().toBuffer(),
    picture(3).jpeg({ progressive: true, chromaSubsampling: "4:4:4" }).toBuffer(),
    picture(3)
      .withExif({ IFD0: { Copyright: "fuzz" } })
      .withMetadata({ orientation: 6 })
      .jpeg()
      .toBuffer(),
    picture(3).toColourspace("cmyk").jpeg().toBuffer(),
    picture(3).png().toBuffer(),
    picture(3).png({ palette: true, progressive: true }).toBuffer(),
    picture(3).toColourspace("rgb16").png().toBuffer(),
    picture(3).webp().toBuffer(),
    picture(3).webp({ lossless: true }).toBuffer(),
  ]);
};

/** One change of a file somewhere. */
const mutateOnce = (random: Random, bytes: Buffer, seeds: readonly Buffer[]): Buffer => {
  const at = Math.floor(random.between(0, bytes.length + 1));
  const length = Math.floor(random.between(1, Math.min(MAX_SLICE, bytes.length + 2)));
  const before = bytes.subarray(0, at);
  const token = random.pick(TOKENS);
  switch (random.pick(["flip", "byte", "token", "insert", "delete", "repeat", "cut", "splice"])) {
    case "flip": {
      const copy = Buffer.from(bytes);
      if (at < copy.length) copy[at] = (copy[at] ?? 0) ^ (1 << Math.floor(random.between(0, 8)));
      return copy;
    }
    case "byte": {
      const copy = Buffer.from(bytes);
      if (at < copy.length) copy[at] = Math.floor(random.between(0, 256));
      return copy;
    }
    case "token": {
      const copy = Buffer.from(bytes);
      token.copy(copy, at);
      return copy;
    }
    case "insert":
      return Buffer.concat([before, token, bytes.subarray(at)]);
    case "delete":
      return Buffer.concat([before, bytes.subarray(at + length)]);
    case "repeat":
      return Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
    case "cut":
      return before;
    default: {
      const other = random.pick(seeds);
      const from = Math.floor(random.between(0, other.length));
      return Buffer.concat([before, other.subarray(from, from + length), bytes.subarray(at)]);
    }
  }
};

const mutate = (random: Random, bytes: Buffer, seeds: readonly Buffer[]): Buffer => {
  let mutated = bytes;
  // Mostly a few changes: after many nothing but the first check sees a file.
  for (let more = true; more; more = random.chance(0.6)) {
    mutated = mutateOnce(random, mutated, seeds);
  }
  return mutated;
};

const formOf = (image: Buffer): Buffer =>
  Buffer.concat([
    Buffer.from(
      `--${BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n`,
    ),
    image,
    Buffer.from(`\r\n--${BOUNDARY}--\r\n`),
  ]);

/** What bodies are mutated of, whole: each picture as it is, and in a form. The service answers all of them. */
export const wholeUploads = (seeds: readonly Buffer[]): Upload[] =>
  seeds.flatMap((image) => [
    { type: "application/octet-stream", body: image },
    { type: FORM_TYPE, body: formOf(image) },
  ]);

/** A mutated body: a picture as it is, a form around a mutated picture, or a form that is mutated itself. */
export const mutatedUpload = (random: Random, seeds: readonly Buffer[]): Upload => {
  const seed = random.pick(seeds);
  switch (random.pick(["raw", "form of it", "form", "boundary"])) {
    case "raw":
      return { type: random.pick(TYPES), body: mutate(random, seed, seeds) };
    case "form of it":
      return { type: FORM_TYPE, body: formOf(mutate(random, seed, seeds)) };
    case "form": {
      const form = formOf(seed);
      // Nearly all of a form is its picture: its own bytes are at both ends.
      const head = mutate(random, form.subarray(0, 150), seeds);
      const tail = mutate(random, form.subarray(-40), seeds);
      return { type: FORM_TYPE, body: Buffer.concat([head, form.subarray(150, -40), tail]) };
    }
    default: {
      const boundary = mutate(random, Buffer.from(BOUNDARY), seeds).toString("latin1");
      // What is no header value at all is not sent by any client's library.
      const printable = boundary.replaceAll(/[^\x20-\x7e]/g, "?");
      return { type: `multipart/form-data; boundary=${printable}`, body: formOf(seed) };
    }
  }
};
