/** Size of a JPEG, pixels. */
export type FrameSize = { readonly width: number; readonly height: number };

const START_OF_SCAN = 0xda;
/** Frames that are decoded in one pass: baseline, and extended sequential. */
const SEQUENTIAL_FRAMES = new Set([0xc0, 0xc1]);
const OTHER_FRAMES = new Set([0xc2, 0xc3, 0xc5, 0xc6, 0xc7, 0xc9, 0xca, 0xcb, 0xcd, 0xce, 0xcf]);
/** Segments that can say how the pixels are to be turned or which colours they mean: Exif, ICC profile, Adobe's transform. */
const APPLICATION_DATA = new Set([0xe1, 0xe2, 0xee]);

/**
 * The size of a JPEG whose pixels can be taken as they are decoded: one scan of 8-bit Y'CbCr, without Exif, colour profile or
 * Adobe marker. ITU-T T.81, annex B, has the segments.
 *
 * @returns undefined for every other file, damaged ones included
 */
export const readPlainJpegSize = (bytes: Uint8Array): FrameSize | undefined => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let size: FrameSize | undefined;
  for (let at = 2; at + 10 <= bytes.byteLength; at += 2 + view.getUint16(at + 2)) {
    if (view.getUint8(at) !== 0xff) return undefined;
    const marker = view.getUint8(at + 1);
    if (OTHER_FRAMES.has(marker) || APPLICATION_DATA.has(marker)) return undefined;
    if (SEQUENTIAL_FRAMES.has(marker)) {
      const [bits, components] = [view.getUint8(at + 4), view.getUint8(at + 9)];
      if (size || bits !== 8 || components !== 3) return undefined;
      size = { height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
    }
    if (marker === START_OF_SCAN) return view.getUint8(at + 4) === 3 ? size : undefined;
  }
  return undefined;
};
