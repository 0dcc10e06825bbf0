import { createFigure, font, toPng } from "./canvas.ts";

const CELL = 110;
const LEFT = 160;
const TOP = 110;

/** Counts by true label (rows) and answer (columns), shaded by the row's shares. */
export const drawConfusion = (
  confusion: readonly (readonly number[])[],
  labels: readonly string[],
): Uint8Array => {
  const side = labels.length * CELL;
  const { canvas, context } = createFigure(LEFT + side + 40, TOP + side + 40);
  context.font = font(18);
  context.fillText("Confusion matrix of the test split", 20, 34);
  context.font = font(14);
  context.fillText("rows: true label, columns: answer", 20, 58);
  context.textBaseline = "middle";
  for (const [row, counts] of confusion.entries()) {
    const total = counts.reduce((a, b) => a + b, 0);
    const y = TOP + row * CELL;
    context.fillStyle = "black";
    context.textAlign = "right";
    context.fillText(labels[row] ?? "", LEFT - 12, y + CELL / 2, LEFT - 20);
    context.textAlign = "center";
    context.fillText(labels[row] ?? "", LEFT + (row + 0.5) * CELL, TOP - 16, CELL - 8);
    for (const [column, count] of counts.entries()) {
      const share = total === 0 ? 0 : count / total;
      const x = LEFT + column * CELL;
      context.fillStyle = `rgba(31, 119, 180, ${share})`;
      context.fillRect(x, y, CELL, CELL);
      context.strokeStyle = "#cccccc";
      context.strokeRect(x, y, CELL, CELL);
      context.fillStyle = share > 0.6 ? "white" : "black";
      context.fillText(`${count}`, x + CELL / 2, y + CELL / 2 - 10);
      context.fillText(`${(share * 100).toFixed(1)} %`, x + CELL / 2, y + CELL / 2 + 14);
    }
  }
  return toPng(canvas);
};
