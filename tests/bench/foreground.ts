/*
 * How well /process finds foregrounds: on drawn photos whose masks are known, and on shared photos that were outlined by
 * eye. Prints the mean with its 95 % interval (bootstrap over photos).
 *
 *   node tests/bench/foreground.ts [--count N] [--segmenter FILE]
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { Command } from "commander";
import { guideMask } from "../../service/process/guided-filter.ts";
import { decodePhoto, type Mask, type Picture, shrink } from "../../service/process/picture.ts";
import { openSegmenter } from "../../service/process/segmenter.ts";
import { createRandom } from "../../training/random.ts";
import { segmenterFile } from "../../training/segmenter/segmenter.ts";
import { drawPhoto, type Overlap, overlapOf } from "../fixtures/drawn-photos.ts";
import { OUTLINES, type Outline } from "./outlines.ts";
import { quantile } from "./statistics.ts";

const SHARED = resolve(import.meta.dirname, "../../../shared/data/pets");
const RESAMPLES = 2000;
const MAX_SIDE = 1600;

const report = (what: string, overlaps: readonly Overlap[]): void => {
  const random = createRandom("bootstrap", what);
  const figure = (key: keyof Overlap): string => {
    const values = overlaps.map((overlap) => overlap[key]);
    const mean = (of: readonly number[]): number => of.reduce((a, b) => a + b, 0) / of.length;
    const means = Array.from({ length: RESAMPLES }, () =>
      mean(values.map(() => random.pick(values))),
    );
    const [low, high] = [quantile(means, 0.025), quantile(means, 0.975)];
    return `${mean(values).toFixed(4)} (${low.toFixed(4)} to ${high.toFixed(4)})`;
  };
  process.stdout.write(
    `${what}, ${overlaps.length} photos: IoU ${figure("iou")}, background kept ${figure("falseKeep")}\n`,
  );
};

/** Whether a point lies inside: it does when a line to the left crosses the outline an odd number of times. */
const isInside = (outline: Outline, x: number, y: number): boolean => {
  let inside = false;
  for (const [i, [x1, y1]] of outline.entries()) {
    const [x0, y0] = outline.at(i - 1) ?? [x1, y1];
    if (y0 > y !== y1 > y && x > x0 + ((y - y0) / (y1 - y0)) * (x1 - x0)) inside = !inside;
  }
  return inside;
};

const maskOf = (outline: Outline, { width, height }: Picture): Mask => ({
  ...{ width, height },
  data: Float32Array.from({ length: width * height }, (_, i) => {
    const [x, y] = [((i % width) + 0.5) / width, (Math.floor(i / width) + 0.5) / height];
    return isInside(outline, 10 * x, 10 * y) ? 1 : 0;
  }),
});

const run = async ({
  count,
  segmenter,
}: {
  readonly count: string;
  readonly segmenter?: string;
}): Promise<void> => {
  const onnx = segmenter ? await readFile(segmenter) : await segmenterFile.obtain();
  const { segment, release } = await openSegmenter(onnx, "it", availableParallelism());
  const judge = async (picture: Picture, truth: Mask): Promise<Overlap> => {
    const small = await shrink(picture);
    return overlapOf(guideMask(small, await segment(small))(picture), truth);
  };
  try {
    for (const scene of ["studio", "room"] as const) {
      const overlaps: Overlap[] = [];
      for (let i = 0; i < Number(count); i++) {
        const { picture, mask } = drawPhoto(i % 2 ? "dog" : "cat", scene, i);
        overlaps.push(await judge(picture, mask));
      }
      report(`drawn, ${scene}`, overlaps);
    }
    if (!existsSync(SHARED)) return void process.stdout.write("no shared photos: skipped\n");
    const overlaps: Overlap[] = [];
    for (const [file, outline] of Object.entries(OUTLINES)) {
      const { picture } = await decodePhoto(await readFile(join(SHARED, file)), MAX_SIDE);
      overlaps.push(await judge(picture, maskOf(outline, picture)));
    }
    report("shared, outlined by eye", overlaps);
  } finally {
    await release();
  }
};

await new Command("foreground")
  .option("--count <n>", "drawn photos of each scene", "100")
  .option("--segmenter <file>", "an ONNX file in the manner of U²-Net instead of the usual one")
  .action(run)
  .parseAsync();
