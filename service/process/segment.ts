import type { Evidence } from "./evidence.ts";
import { cutForeground } from "./grab-cut.ts";
import { refineMask } from "./guided-filter.ts";
import { loadOpenCv } from "./opencv.ts";
import type { Mask, Picture } from "./picture.ts";

/** Finds the foreground by what the classifier's network looks at: seeds, GrabCut, refined edges. */
export const segmentByEvidence = async (
  picture: Picture,
  look: () => Promise<Evidence>,
): Promise<Mask> => {
  const [{ cv }, { map }] = await Promise.all([loadOpenCv(), look()]);
  return refineMask(picture, await cutForeground(cv, picture, map));
};
