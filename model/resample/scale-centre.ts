import { readFileSync } from "node:fs";
import { type Taps, triangleTaps } from "./triangle-taps.ts";

/** A decoded photo: `width × height × 3` bytes, row by row, RGB. */
export type RgbImage = {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
};

/** What kernels.wat exports; it says what each parameter is. Addresses are offsets into `memory`. */
type Kernels = {
  readonly memory: WebAssembly.Memory;
  mixRows(
    from: number,
    stride: number,
    weights: number,
    count: number,
    to: number,
    bytes: number,
  ): void;
  mixColumns(
    row: number,
    first: number,
    weights: number,
    pairs: number,
    to: number,
    size: number,
  ): void;
};

const module = new WebAssembly.Module(readFileSync(new URL("kernels.wasm", import.meta.url)));
const kernels = new WebAssembly.Instance(module).exports as unknown as Kernels;

const PAGE = 65_536;
/** The kernels read and write whole vectors: what lies behind an area must be theirs too. */
const VECTOR = 16;

/** Places areas one behind the other in the kernels' memory, which grows to hold them. */
const place = (...sizes: readonly number[]): readonly number[] => {
  let end = 0;
  const starts = sizes.map((size) => {
    const start = end;
    end += Math.ceil(size / VECTOR) * VECTOR + VECTOR;
    return start;
  });
  const missing = end - kernels.memory.buffer.byteLength;
  if (missing > 0) kernels.memory.grow(Math.ceil(missing / PAGE));
  return starts;
};

/**
 * Scales a photo with the triangle filter so that its shorter side has `resizeTo` pixels, and cuts `inputSize × inputSize` out
 * of the centre. Only what is seen there is computed, a row at a time and straight from the source, as Pillow-SIMD does it.
 *
 * @returns `inputSize × inputSize × 3` bytes of its own
 */
export const scaleCentre = (
  { data, width, height }: RgbImage,
  { inputSize, resizeTo }: { readonly inputSize: number; readonly resizeTo: number },
): Uint8Array => {
  const margin = Math.floor((resizeTo - inputSize) / 2);
  const tapsOf = (length: number): Taps => {
    const scaled = Math.round((length * resizeTo) / Math.min(width, height));
    return triangleTaps(
      length,
      scaled,
      Math.floor((scaled - resizeTo + 1) / 2) + margin,
      inputSize,
    );
  };
  const [columns, rows] = [tapsOf(width), tapsOf(height)];
  // The columns that are seen, and where each pixel's first neighbour is among them, in bytes.
  const left = columns.first[0] as number;
  const right = (columns.first[inputSize - 1] as number) + columns.count;
  const first = columns.first.map((column) => (column - left) * 3);

  const stride = width * 3;
  const size = inputSize * inputSize * 3;
  // Weights behind the last row's end are 0; its memory is read all the same.
  const sourceSize = data.length + (rows.count + columns.count) * stride;
  const [firstAt, columnWeights, rowWeights, row, out, source] = place(
    first.byteLength,
    columns.weights.byteLength,
    rows.weights.byteLength,
    (right - left) * 3,
    size,
    sourceSize,
  ) as [number, number, number, number, number, number];
  const { buffer } = kernels.memory;
  new Int32Array(buffer, firstAt, inputSize).set(first);
  new Uint16Array(buffer, columnWeights, columns.weights.length).set(columns.weights);
  new Uint16Array(buffer, rowWeights, rows.weights.length).set(rows.weights);
  new Uint8Array(buffer, source, data.length).set(data);

  for (let y = 0; y < inputSize; y++) {
    const from = source + (rows.first[y] as number) * stride + left * 3;
    const weights = rowWeights + y * rows.count * 2;
    kernels.mixRows(from, stride, weights, rows.count, row, (right - left) * 3);
    kernels.mixColumns(
      row,
      firstAt,
      columnWeights,
      columns.count / 2,
      out + y * inputSize * 3,
      inputSize,
    );
  }
  return new Uint8Array(buffer.slice(out, out + size));
};
