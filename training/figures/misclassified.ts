import { loadImage } from "@napi-rs/canvas";
import { openImage, runImage } from "../../model/preprocessing.ts";
import { createFigure, font, toPng } from "./canvas.ts";

/** A picture that was answered wrong. */
export type Mistake = {
  readonly id: string;
  readonly truth: string;
  readonly answer: string;
  /** Of the wrong answer. */
  readonly probability: number;
  readonly read: () => Promise<Uint8Array>;
};

const COLUMNS = 4;
const ROWS = 4;
const SIDE = 200;
const CAPTION = 50;
const TOP = 60;

/** The mistakes that the model was surest of, sixteen at most, with what they are and what it said. */
export const drawMisclassified = async (mistakes: readonly Mistake[]): Promise<Uint8Array> => {
  const shown = mistakes.toSorted((a, b) => b.probability - a.probability).slice(0, COLUMNS * ROWS);
  const rows = Math.max(1, Math.ceil(shown.length / COLUMNS));
  const { canvas, context } = createFigure(
    COLUMNS * (SIDE + 20) + 20,
    TOP + rows * (SIDE + CAPTION),
  );
  context.font = font(18);
  context.fillText(`Misclassified in the test split: ${mistakes.length}`, 20, 36);
  context.font = font(13);
  for (const [index, mistake] of shown.entries()) {
    const x = 20 + (index % COLUMNS) * (SIDE + 20);
    const y = TOP + Math.floor(index / COLUMNS) * (SIDE + CAPTION);
    const picture = openImage(await mistake.read())
      .resize(SIDE, SIDE, { fit: "inside" })
      .png();
    context.drawImage(await loadImage(await runImage(picture.toBuffer())), x, y);
    const percent = (mistake.probability * 100).toFixed(0);
    context.fillText(
      `${mistake.truth}, answered ${mistake.answer} (${percent} %)`,
      x,
      y + SIDE + 16,
      SIDE,
    );
    context.fillText(mistake.id, x, y + SIDE + 34, SIDE);
  }
  return toPng(canvas);
};
