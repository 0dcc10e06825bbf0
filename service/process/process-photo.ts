import type { ProcessAnswer } from "./answer-schema.ts";
import { categorise } from "./category.ts";
import { dominantColour } from "./colour.ts";
import type { ProcessConfig } from "./config.ts";
import { guideMask } from "./guided-filter.ts";
import { decodePhoto, type Mask, type Picture, shrink } from "./picture.ts";
import type { Step } from "./plan.ts";
import { judgeQuality } from "./quality.ts";
import type { Background } from "./vocabulary.ts";
import { writePicture } from "./write-picture.ts";

/** What shall be done to a photo. */
export type ProcessRequest = {
  readonly image: Uint8Array<ArrayBuffer>;
  readonly steps: readonly Step[];
  readonly background: Background;
  /** Whether the picture is wanted: writing it takes longer than judging it. */
  readonly picture: boolean;
};

/** What came of it: the answer but for what only the main thread knows. */
export type Processed = {
  readonly answer: Omit<ProcessAnswer, "output_url" | "model">;
  /** PNG. */
  readonly picture?: Uint8Array<ArrayBuffer>;
};

/** What the steps need of the networks. */
export type Skills = {
  readonly config: ProcessConfig;
  /** Probabilities of ImageNet's classes, if there is something that knows them. */
  readonly classify: (picture: Picture) => Promise<Float32Array | undefined>;
  /** The foreground, roughly: a mask of any size. */
  readonly segment: (picture: Picture) => Promise<Mask>;
};

const meanOf = ({ data }: Mask): number => {
  let sum = 0;
  for (const value of data) sum += value;
  return sum / data.length;
};

/** Does the steps to a photo, in order. @throws ImageError, ModelError */
export const processPhoto = async (
  { image, steps, background, picture: wanted }: ProcessRequest,
  { config, classify, segment }: Skills,
): Promise<Processed> => {
  const { picture, ...size } = await decodePhoto(image, config.output.max_side);
  const small = await shrink(picture);
  const maskOf = steps.includes("segment") ? guideMask(small, await segment(small)) : undefined;
  const mask = maskOf?.(small);

  const qa = async (): Promise<ProcessAnswer["qa"]> => {
    const quality = await judgeQuality({ size, picture, small, mask }, config);
    const blurry = quality.issues.some(({ code }) => code === "BLURRY");
    return {
      min_size_ok: quality.minSizeOk,
      sharpness: blurry ? "blurry" : "sharp",
      laplacian_variance: quality.laplacianVariance,
      issues: [...quality.issues],
    };
  };
  const tags = async (): Promise<ProcessAnswer["tags"]> => {
    const colour = dominantColour(small, mask);
    const classes = await classify(small);
    const { category, confidence, material } = classes
      ? categorise(classes, config, config)
      : { category: "unknown", confidence: 0 };
    return {
      category,
      category_confidence: confidence,
      dominant_color: colour.name,
      dominant_color_share: colour.share,
      ...(material && { material: material.name, material_confidence: material.probability }),
    };
  };

  return {
    answer: {
      status: "ok",
      ...size,
      tags: steps.includes("tag") ? await tags() : {},
      qa: steps.includes("qa") ? await qa() : {},
      foreground_share: mask ? Math.min(1, meanOf(mask)) : null,
      steps: [...steps],
    },
    ...(wanted && { picture: await writePicture(picture, maskOf?.(picture), background) }),
  };
};
