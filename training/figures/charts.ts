import type { CalibrationBin } from "../evaluate.ts";
import type { Epoch } from "../head/fit.ts";
import { renderChart } from "./canvas.ts";

const BLUE = "#1f77b4";
const ORANGE = "#ff7f0e";
const GREY = "#999999";

type Point = { readonly x: number; readonly y: number };

const line = (label: string, color: string, points: readonly Point[]) => ({
  label,
  data: [...points],
  borderColor: color,
  backgroundColor: color,
  pointRadius: points.length > 40 ? 0 : 3,
  borderWidth: 2,
});

const axis = (text: string, type: "linear" | "logarithmic" = "linear") => ({
  type,
  title: { display: true, text },
});

const titled = (text: string) => ({ title: { display: true, text, font: { size: 18 } } });

/** Training and validation loss by epoch. */
export const drawLossCurve = (epochs: readonly Epoch[]): Uint8Array =>
  renderChart({
    type: "line",
    data: {
      datasets: [
        line(
          "training",
          BLUE,
          epochs.map(({ trainLoss }, x) => ({ x, y: trainLoss })),
        ),
        line(
          "validation",
          ORANGE,
          epochs.map(({ valLoss }, x) => ({ x, y: valLoss })),
        ),
      ],
    },
    options: {
      plugins: titled("Loss of the head"),
      scales: { x: axis("epoch"), y: axis("mean cross-entropy, nats", "logarithmic") },
    },
  });

/** Length of the gradient by epoch. */
export const drawGradientNorms = (epochs: readonly Epoch[]): Uint8Array =>
  renderChart({
    type: "line",
    data: {
      datasets: [
        line(
          "gradient",
          BLUE,
          epochs.map(({ gradientNorm }, x) => ({ x, y: gradientNorm })),
        ),
      ],
    },
    options: {
      plugins: titled("Gradient of the objective"),
      scales: { x: axis("epoch"), y: axis("Euclidean norm", "logarithmic") },
    },
  });

/** Share of right answers against the probability that the model gave them. */
export const drawCalibration = (bins: readonly CalibrationBin[]): Uint8Array => {
  const filled = bins.filter(({ count }) => count > 0);
  const points = filled.map(({ meanProbability, accuracy }) => ({
    x: meanProbability,
    y: accuracy,
  }));
  const ideal = line("ideal", GREY, [
    { x: 0, y: 0 },
    { x: 1, y: 1 },
  ]);
  return renderChart({
    type: "line",
    data: {
      datasets: [
        { ...line("model", BLUE, points), pointRadius: 5, clip: false as const },
        { ...ideal, borderDash: [6, 6], pointRadius: 0 },
      ],
    },
    options: {
      plugins: titled("Calibration on the test split"),
      scales: {
        x: { ...axis("probability of the answer"), min: 0, max: 1 },
        y: { ...axis("share of right answers"), min: 0, max: 1 },
      },
    },
  });
};
