import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { compileKernels } from "./compile-kernels.ts";
import { type RgbImage, scaleCentre } from "./scale-centre.ts";
import { triangleTaps } from "./triangle-taps.ts";

const SETTINGS = { inputSize: 224, resizeTo: 256 };

/** Values that no two neighbours share, the same at each run. */
const pattern = (width: number, height: number): RgbImage => ({
  data: Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * 7919 + (i >> 5) * 31) & 255),
  width,
  height,
});

/** The same sums in plain loops, each rounded as the kernels do. */
const scaleSlowly = (
  { data, width, height }: RgbImage,
  { inputSize, resizeTo }: typeof SETTINGS,
): Uint8Array => {
  const tapsOf = (length: number) => {
    const scaled = Math.round((length * resizeTo) / Math.min(width, height));
    const offset = ((scaled - resizeTo + 1) >> 1) + (resizeTo - inputSize) / 2;
    return triangleTaps(length, scaled, offset, inputSize);
  };
  const [columns, rows] = [tapsOf(width), tapsOf(height)];
  const mix = (taps: typeof rows, i: number, value: (sample: number) => number): number => {
    let sum = 128;
    for (let k = 0; k < taps.count; k++) {
      const weight = taps.weights[i * taps.count + k] as number;
      if (weight > 0) sum += weight * value((taps.first[i] as number) + k);
    }
    return sum >> 8;
  };
  return Uint8Array.from({ length: inputSize * inputSize * 3 }, (_, at) => {
    const [channel, x] = [at % 3, Math.floor(at / 3) % inputSize];
    const y = Math.floor(at / 3 / inputSize);
    return mix(columns, x, (column) =>
      mix(rows, y, (row) => data[(row * width + column) * 3 + channel] as number),
    );
  });
};

describe("scaleCentre", () => {
  it.each([
    [256, 256],
    [320, 240],
    [173, 320],
    [511, 498],
    [300, 1000],
    [2, 3],
    [1, 1],
    [1, 700],
  ])("gives what plain loops give: %i × %i", (width, height) => {
    const image = pattern(width, height);
    expect(Buffer.from(scaleCentre(image, SETTINGS)).equals(scaleSlowly(image, SETTINGS))).toBe(
      true,
    );
  });

  it("takes other sizes than the network's", () => {
    const image = pattern(90, 61);
    const settings = { inputSize: 33, resizeTo: 41 };
    expect([...scaleCentre(image, settings)]).toEqual([...scaleSlowly(image, settings)]);
  });

  it("gives bytes that the next photo does not overwrite", () => {
    const first = scaleCentre(pattern(300, 200), SETTINGS);
    const copy = Uint8Array.from(first);
    scaleCentre(pattern(200, 300), SETTINGS);
    expect(first).toEqual(copy);
  });
});

it("kernels.wasm is what kernels.wat says (npm run build:kernels)", async () => {
  const compiled = await compileKernels();
  const committed = await readFile(new URL("kernels.wasm", import.meta.url));
  expect(committed.equals(compiled)).toBe(true);
});
