import { readdir, readFile } from "node:fs/promises";
import { GlobalFonts } from "@napi-rs/canvas";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { evaluate } from "../evaluate.ts";
import { openSample } from "../sources/sample.ts";
import { temporaryDirectory } from "../testing/temporary-directory.ts";
import { createFigure, toPng } from "./canvas.ts";
import { drawConfusion } from "./confusion.ts";
import { writeFigures } from "./write-figures.ts";

describe("createFigure", () => {
  it("writes text with the font that comes along", async () => {
    const { canvas, context } = createFigure(200, 40);
    expect(GlobalFonts.has("Inter")).toBe(true);
    context.fillText("Figure", 10, 25);
    const { data } = await sharp(toPng(canvas))
      .greyscale()
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect(data.filter((value) => value < 100).length).toBeGreaterThan(40);
  });
});

describe("drawConfusion", () => {
  it("stays small with many classes", async () => {
    const labels = Array.from({ length: 300 }, (_, i) => `class ${i}`);
    const confusion = labels.map((_, row) => labels.map((__, column) => Number(row === column)));
    const { width, height } = await sharp(drawConfusion(confusion, labels)).metadata();
    expect(Math.max(width, height)).toBeLessThan(5000);
    expect(Math.min(width, height)).toBeGreaterThan(4000);
  });
});

describe("writeFigures", () => {
  it("draws every figure", async () => {
    const directory = await temporaryDirectory();
    const { photos } = openSample({ seed: 1, count: 4 });
    const judgements = photos.map(({ id, label }, i) => ({
      id,
      target: label === "cat" ? 0 : 1,
      probabilities: i === 3 ? [0.9, 0.1] : label === "cat" ? [0.8, 0.2] : [0.3, 0.7],
    }));
    const epochs = [1, 0.5, 0.3].map((loss) => ({
      trainLoss: loss,
      valLoss: loss * 1.2,
      gradientNorm: loss / 9,
    }));
    const head = { weights: new Float64Array(), bias: new Float64Array() };
    const labels = ["cat", "dog"];
    const evaluation = evaluate(judgements, labels);
    await writeFigures(directory, {
      labels,
      photos,
      judgements,
      evaluation,
      fit: { head, pull: 1, epochs, best: 2 },
    });
    const names = [
      "calibration.png",
      "confusion.png",
      "gradients.png",
      "loss.png",
      "misclassified.png",
    ];
    expect((await readdir(directory)).sort()).toEqual(names);
    for (const name of names) {
      const image = sharp(await readFile(`${directory}/${name}`));
      expect((await image.metadata()).format).toBe("png");
      const { channels } = await image.stats();
      // Neither blank nor broken: some dark, mostly white.
      expect(channels[0]?.min, name).toBeLessThan(120);
      expect(channels[0]?.mean, name).toBeGreaterThan(150);
    }
  });
});
