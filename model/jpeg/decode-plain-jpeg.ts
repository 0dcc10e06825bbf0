import createLibjpegTurbo, {
  type LibjpegTurbo,
} from "@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs";
import type { RgbImage } from "../resample/scale-centre.ts";
import { readPlainJpegSize } from "./baseline-header.ts";

type Decoder = InstanceType<LibjpegTurbo["JPEGDecoder"]>;

let starting: Promise<Decoder> | undefined;

const start = async (): Promise<Decoder> => {
  const { JPEGDecoder } = await createLibjpegTurbo();
  return new JPEGDecoder();
};

/**
 * Takes the pixels of a JPEG to `use`, decoded on this thread with libjpeg-turbo compiled to WebAssembly: the same decoder, and
 * the same bytes, as libvips', without the millisecond that libvips takes to set up a pipeline; and in a sandbox.
 *
 * @param bytes a JPEG for which `readPlainJpegSize` gives a size that is known to be small: nothing limits the time here
 * @param use is done with the image when it returns: the next photo is decoded into the same memory
 * @returns undefined for what libjpeg finds fault with, warnings included, or finds to be of another size
 */
export const withPlainJpeg = async <Result>(
  bytes: Uint8Array,
  use: (image: RgbImage) => Result,
): Promise<Result | undefined> => {
  starting ??= start();
  const decoder = await starting;
  const expected = readPlainJpegSize(bytes);
  try {
    decoder.getEncodedBuffer(bytes.byteLength).set(bytes);
    decoder.readHeader();
    const { width, height } = decoder.getFrameInfo();
    if (width !== expected?.width || height !== expected.height) return undefined;
    decoder.decode();
  } catch {
    // The exception left its memory behind in the module; the whole of it goes.
    starting = undefined;
    return undefined;
  }
  return use({ data: decoder.getDecodedBuffer(), ...decoder.getFrameInfo() });
};
