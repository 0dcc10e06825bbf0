import type { Classifier } from "../model/classifier.ts";
import type { Golden } from "../model/metadata.ts";
import type { Precision } from "../model/precision.ts";
import { openImage, runImage } from "../model/preprocessing.ts";
import type { Example } from "./inspect.ts";

/** A picture that travels with the model, with its bytes and its probability of each precision. */
export type GoldenPicture = Pick<Golden, "file" | "label"> & {
  readonly probabilities: Readonly<Record<Precision, number>>;
  readonly bytes: Uint8Array;
};

const EACH_CLASS = 3;
/** Least probability of the right label: far enough from a tie that no other processor's rounding turns the answer. */
const MARGIN = 0.8;
const SIDE = 256;

const shrink = (bytes: Uint8Array): Promise<Buffer> =>
  runImage(openImage(bytes).resize(SIDE, SIDE, { fit: "cover" }).jpeg({ quality: 90 }).toBuffer());

/**
 * Picks test pictures of each label that the model answers right with a margin, in both precisions, as small JPEG files. A
 * label of which it answers none so gets none.
 */
export const pickGolden = async (
  examples: readonly Example[],
  classifiers: Readonly<Record<Precision, Classifier>>,
): Promise<GoldenPicture[]> => {
  const golden: GoldenPicture[] = [];
  // By their names as files, which labels of other scripts may share.
  const numbers = new Map<string, number>();
  const { fp32, int8 } = classifiers;
  for (const label of fp32.metadata.labels) {
    let taken = 0;
    for (const example of examples.filter((candidate) => candidate.label === label)) {
      if (taken === EACH_CLASS) break;
      const bytes = await shrink(await example.read());
      const pixels = await fp32.decode(bytes);
      const ask = async (classifier: Classifier): Promise<number> =>
        (await classifier.classify([pixels]))[0]?.probabilities[label] ?? 0;
      const probabilities = { fp32: await ask(fp32), int8: await ask(int8) };
      if (Math.min(probabilities.fp32, probabilities.int8) < MARGIN) continue;
      taken++;
      const name = label.replaceAll(/[^\w-]/g, "_");
      const number = (numbers.get(name) ?? 0) + 1;
      numbers.set(name, number);
      golden.push({ file: `golden/${name}-${number}.jpg`, label, probabilities, bytes });
    }
  }
  return golden;
};
