import { createFigure, font, toPng } from "./canvas.ts";

/** Side of a cell, pixels. */
const LARGEST_CELL = 110;
/** Side of all cells, as long as each has a pixel: the figure is drawn in memory, four bytes a pixel. */
const LONGEST_SIDE = 4400;
/** Smaller cells have no figures, nor room for a name above them. */
const READABLE_CELL = 60;
const LEFT = 160;
const TOP = 110;

/** Counts by true label (rows) and answer (columns), shaded by the row's shares. */
export const drawConfusion = (
  confusion: readonly (readonly number[])[],
  labels: readonly string[],
): Uint8Array => {
  const cell = Math.max(1, Math.min(LARGEST_CELL, Math.floor(LONGEST_SIDE / labels.length)));
  const readable = cell >= READABLE_CELL;
  const side = labels.length * cell;
  const { canvas, context } = createFigure(LEFT + side + 40, TOP + side + 40);
  context.font = font(18);
  context.fillText("Confusion matrix of the test split", 20, 34);
  context.font = font(14);
  context.fillText("rows: true label, columns: answer, in the same order", 20, 58);
  context.font = font(Math.min(14, cell));
  context.textBaseline = "middle";
  for (const [row, counts] of confusion.entries()) {
    const total = counts.reduce((a, b) => a + b, 0);
    const y = TOP + row * cell;
    context.fillStyle = "black";
    context.textAlign = "right";
    context.fillText(labels[row] ?? "", LEFT - 12, y + cell / 2, LEFT - 20);
    context.textAlign = "center";
    if (readable)
      context.fillText(labels[row] ?? "", LEFT + (row + 0.5) * cell, TOP - 16, cell - 8);
    for (const [column, count] of counts.entries()) {
      const share = total === 0 ? 0 : count / total;
      const x = LEFT + column * cell;
      context.fillStyle = `rgba(31, 119, 180, ${share})`;
      context.fillRect(x, y, cell, cell);
      if (!readable) continue;
      context.strokeStyle = "#cccccc";
      context.strokeRect(x, y, cell, cell);
      context.fillStyle = share > 0.6 ? "white" : "black";
      context.fillText(`${count}`, x + cell / 2, y + cell / 2 - 10);
      context.fillText(`${(share * 100).toFixed(1)} %`, x + cell / 2, y + cell / 2 + 14);
    }
  }
  return toPng(canvas);
};
