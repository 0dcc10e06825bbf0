import { createRequire } from "node:module";
import { type Canvas, createCanvas, GlobalFonts } from "@napi-rs/canvas";
import { Chart, type ChartConfiguration, type Plugin, registerables } from "chart.js";
import { UserError } from "../user-error.ts";

/** The one font of all figures. It comes with the project: a slim container has none. */
const FONT = "Inter";

Chart.register(...registerables);
Chart.defaults.font.family = FONT;
Chart.defaults.font.size = 14;
Chart.defaults.animation = false;
Chart.defaults.responsive = false;

/** Chart.js clears its canvas first, to transparent. */
const whiteBackground: Plugin = {
  id: "white-background",
  beforeDraw: ({ ctx, width, height }) => {
    ctx.save();
    ctx.fillStyle = "white";
    ctx.fillRect(0, 0, width, height);
    ctx.restore();
  },
};
Chart.register(whiteBackground);

const registerFont = (): void => {
  if (GlobalFonts.has(FONT)) return;
  const require = createRequire(import.meta.url);
  const path = require.resolve("@fontsource/inter/files/inter-latin-400-normal.woff2");
  if (!GlobalFonts.registerFromPath(path, FONT)) {
    throw new UserError(`the font ${path} cannot be read; run npm ci.`);
  }
};

/** A white canvas with the figures' font at hand. */
export const createFigure = (width: number, height: number) => {
  registerFont();
  const canvas = createCanvas(width, height);
  const context = canvas.getContext("2d");
  context.fillStyle = "white";
  context.fillRect(0, 0, width, height);
  context.fillStyle = "black";
  context.font = font(14);
  return { canvas, context };
};

/** The figures' font at a size in pixels. */
export const font = (size: number): string => `${size}px ${FONT}`;

/** A figure as PNG bytes. */
export const toPng = (canvas: Canvas): Uint8Array => canvas.toBuffer("image/png");

/** Draws a chart as PNG. */
export const renderChart = (
  configuration: ChartConfiguration,
  size: readonly [width: number, height: number] = [900, 540],
): Uint8Array => {
  const { canvas, context } = createFigure(...size);
  // Chart.js asks for a browser's context; this one has the same methods.
  const chart = new Chart(
    context as unknown as ConstructorParameters<typeof Chart>[0],
    configuration,
  );
  try {
    return toPng(canvas);
  } finally {
    chart.destroy();
  }
};
