/** @import { Explanation } from "./outcome.js" */

/** Side of the drawn photo at most, pixels. */
const SIDE = 448;
/** Below this a place is veiled, above it is tinted: both can be told apart without seeing colours. */
const NEUTRAL = 0.5;
const TINT = [255, 140, 0];
const STRENGTH = 0.65;

/**
 * The square of a photo that a map lies on, in pixels.
 *
 * @param {number} width
 * @param {number} height
 * @param {number} covers
 */
export const squareOf = (width, height, covers) => {
  const side = Math.min(width, height) * covers;
  return { left: (width - side) / 2, top: (height - side) / 2, side };
};

/**
 * A map as RGBA, a pixel a place: what matters little gets a dark veil, what matters much an orange tint.
 *
 * @param {Pick<Explanation, "values">} explanation
 */
export const pixelsOf = ({ values }) =>
  Uint8ClampedArray.from(
    values.flat().flatMap((value) => {
      const alpha = (255 * STRENGTH * Math.abs(value - NEUTRAL)) / NEUTRAL;
      return [...(value > NEUTRAL ? TINT : [0, 0, 0]), alpha];
    }),
  );

/** Places from here on count as the greatest, when a map is put into words. */
const NEARLY = 0.9;

/**
 * A map in words, for those who do not see it: where the middle of its greatest places is.
 *
 * @param {Explanation} explanation
 */
export const wordsFor = ({ label, values, width, height }) => {
  const places = values.flatMap((row, y) =>
    row.flatMap((value, x) => (value >= NEARLY ? [{ x: x + 0.5, y: y + 0.5 }] : [])),
  );
  if (places.length === 0) return `Every place of the photo speaks for ${label} alike.`;
  /** @param {"x" | "y"} axis */
  const middle = (axis) => places.reduce((sum, place) => sum + place[axis], 0) / places.length;
  /** @param {number} share @param {readonly [string, string, string]} words */
  const third = (share, words) => words[Math.min(2, Math.floor(3 * share))];
  const down = third(middle("y") / height, ["upper", "middle", "lower"]);
  const across = third(middle("x") / width, ["left", "middle", "right"]);
  const where = down === "middle" && across === "middle" ? "middle" : `${down} ${across}`;
  return `What speaks most for ${label} is in the ${where} of the photo.`;
};

/**
 * Draws a photo with a map over it.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {Blob} photo
 * @param {Explanation} explanation
 */
export const drawMap = async (canvas, photo, explanation) => {
  const bitmap = await createImageBitmap(photo);
  const scale = Math.min(1, SIDE / Math.max(bitmap.width, bitmap.height));
  canvas.width = Math.round(bitmap.width * scale);
  canvas.height = Math.round(bitmap.height * scale);
  const context = canvas.getContext("2d");
  if (!context) return;
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  const { width, height } = explanation;
  const map = new OffscreenCanvas(width, height);
  map.getContext("2d")?.putImageData(new ImageData(pixelsOf(explanation), width, height), 0, 0);
  const { left, top, side } = squareOf(canvas.width, canvas.height, explanation.covers);
  context.imageSmoothingQuality = "high";
  context.drawImage(map, left, top, side, side);
};
