import type { Categories, Thresholds } from "./config.ts";

/** A name and how probable it is. */
type Guess = { readonly name: string; readonly probability: number };

/** Which of the groups has the most probability. */
const mostProbable = (
  groups: Readonly<Record<string, readonly number[]>>,
  probabilities: Float32Array,
): Guess => {
  let best: Guess = { name: "unknown", probability: 0 };
  for (const [name, classes] of Object.entries(groups)) {
    const probability = classes.reduce((sum, index) => sum + (probabilities[index] ?? 0), 0);
    if (probability > best.probability) best = { name, probability: Math.min(1, probability) };
  }
  return best;
};

/** What a photo shows, in the terms of configs/categories.yaml. */
export type CategoryTags = {
  /** "unknown" when nothing is probable enough. */
  readonly category: string;
  readonly confidence: number;
  readonly material?: Guess;
};

/**
 * Adds up ImageNet's classes by category. A material comes from classes that are made of nothing else (jeans are denim),
 * not from what a surface looks like, so most photos have none.
 *
 * @param probabilities of ImageNet's 1,000 classes
 */
export const categorise = (
  probabilities: Float32Array,
  { categories, materials }: Categories,
  { tag }: Pick<Thresholds, "tag">,
): CategoryTags => {
  const { name, probability } = mostProbable(categories, probabilities);
  const material = mostProbable(materials, probabilities);
  return {
    category: probability >= tag.category_confidence ? name : "unknown",
    confidence: probability,
    ...(material.probability >= tag.material_confidence && { material }),
  };
};
