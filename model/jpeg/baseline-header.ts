/** Size of a JPEG, pixels. */
export type FrameSize = { readonly width: number; readonly height: number };

const START_OF_SCAN = 0xda;
/** Frames that are decoded in one pass: baseline, and extended sequential. */
const SEQUENTIAL_FRAMES = new Set([0xc0, 0xc1]);
/**
 * What may stand beside frame and scan: tables, restart interval, comment, JFIF and application data that says nothing of the
 * pixels. Exif (E1), ICC profile (E2) and Adobe's transform (EE) can say how the pixels are to be turned or which colours they
 * mean. Nothing else may be passed over: libjpeg skips fill bytes and markers without a length, and would see another frame
 * than a reader that takes what follows them for a length.
 */
const PLAIN_SEGMENTS = new Set([
  ...[0xc4, 0xdb, 0xdd, 0xfe, 0xe0],
  ...[0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xeb, 0xec, 0xed, 0xef],
]);

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
    if (marker === START_OF_SCAN) return view.getUint8(at + 4) === 3 ? size : undefined;
    if (SEQUENTIAL_FRAMES.has(marker)) {
      const [bits, components] = [view.getUint8(at + 4), view.getUint8(at + 9)];
      if (size || bits !== 8 || components !== 3) return undefined;
      size = { height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
    } else if (!PLAIN_SEGMENTS.has(marker)) return undefined;
  }
  return undefined;
};
