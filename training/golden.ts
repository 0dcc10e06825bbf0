import type { Classifier } from "../model/classifier.ts";
import type { Golden } from "../model/metadata.ts";
import { openImage, runImage } from "../model/preprocessing.ts";
import type { Example } from "./inspect.ts";

/** A picture that travels with the model, with its bytes. */
export type GoldenPicture = Golden & { readonly bytes: Uint8Array };

const EACH_CLASS = 3;
/** Least probability of the right label: far enough from a tie that no other processor's rounding turns the answer. */
const MARGIN = 0.8;
const SIDE = 256;

const shrink = (bytes: Uint8Array): Promise<Buffer> =>
  runImage(openImage(bytes).resize(SIDE, SIDE, { fit: "cover" }).jpeg({ quality: 90 }).toBuffer());

/**
 * Picks test pictures of each label that the model answers right with a margin, as small JPEG files. A label of which it
 * answers none so gets none.
 */
export const pickGolden = async (
  examples: readonly Example[],
  classifier: Classifier,
): Promise<GoldenPicture[]> => {
  const golden: GoldenPicture[] = [];
  for (const label of classifier.metadata.labels) {
    let taken = 0;
    for (const example of examples.filter((candidate) => candidate.label === label)) {
      if (taken === EACH_CLASS) break;
      const bytes = await shrink(await example.read());
      const [prediction] = await classifier.classify([await classifier.decode(bytes)]);
      const probability = prediction?.probabilities[label] ?? 0;
      if (probability < MARGIN) continue;
      taken++;
      const name = `${label.replaceAll(/[^\w-]/g, "_")}-${taken}.jpg`;
      golden.push({ file: `golden/${name}`, label, probability, bytes });
    }
  }
  return golden;
};
