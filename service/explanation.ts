import type { z } from "zod";
import type { ActivationMap } from "../model/activation-map.ts";
import type { Preprocessing } from "../model/preprocessing-settings.ts";
import type { explanationSchema } from "./answer-schemas.ts";

/** Digits behind the point that a place of the map is worth. */
const PRECISION = 1e4;

const round = (value: number): number => Math.round(value * PRECISION) / PRECISION;

/**
 * A class-activation map for people and programs: the least of its places is 0, the greatest 1, and what they stand for
 * is beside them. A map that is the same everywhere, which explains nothing, is 0 throughout.
 */
export const explain = (
  { width, height, scores }: ActivationMap,
  label: string,
  { inputSize, resizeTo }: Preprocessing,
): z.infer<typeof explanationSchema> => {
  const places = [...(scores[label] ?? [])];
  const [least, greatest] = [Math.min(...places), Math.max(...places)];
  const range = greatest - least;
  const share = (score: number): number => (range > 0 ? round((score - least) / range) : 0);
  return {
    method: "class-activation-map",
    label,
    width,
    height,
    values: Array.from({ length: height }, (_, row) =>
      places.slice(row * width, (row + 1) * width).map(share),
    ),
    scores: { least: round(least), greatest: round(greatest) },
    covers: round(inputSize / resizeTo),
  };
};
