import type { ProcessAnswer } from "./answer-schema.ts";
import { categorise } from "./category.ts";
import { dominantColour } from "./colour.ts";
import type { ProcessConfig } from "./config.ts";
import type { Evidence } from "./evidence.ts";
import { decodePhoto, type Mask, type Picture } from "./picture.ts";
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
  readonly look: (picture: Picture) => Promise<Evidence>;
  readonly segment: (picture: Picture, look: () => Promise<Evidence>) => Promise<Mask>;
};

const meanOf = ({ data }: Mask): number =>
  data.reduce((sum, value) => sum + value, 0) / data.length;

/** Does the steps to a photo, in order. @throws ImageError, ModelError */
export const processPhoto = async (
  { image, steps, background, picture: wanted }: ProcessRequest,
  { config, look, segment }: Skills,
): Promise<Processed> => {
  const { picture, ...size } = await decodePhoto(image, config.output.max_side);
  let evidence: Promise<Evidence> | undefined;
  const lookOnce = (): Promise<Evidence> => {
    evidence ??= look(picture);
    return evidence;
  };
  const mask = steps.includes("segment") ? await segment(picture, lookOnce) : undefined;

  const qa = async (): Promise<ProcessAnswer["qa"]> => {
    const quality = await judgeQuality({ size, picture, mask }, config);
    const blurry = quality.issues.some(({ code }) => code === "BLURRY");
    return {
      min_size_ok: quality.minSizeOk,
      sharpness: blurry ? "blurry" : "sharp",
      laplacian_variance: quality.laplacianVariance,
      issues: [...quality.issues],
    };
  };
  const tags = async (): Promise<ProcessAnswer["tags"]> => {
    const colour = dominantColour(picture, mask);
    const { classes } = await lookOnce();
    const { category, confidence, material } = classes
      ? categorise(classes, config, config)
      : { category: "unknown", confidence: 0 };
    return {
      category,
      category_confidence: confidence,
      ...(colour && { dominant_color: colour.name, dominant_color_share: colour.share }),
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
    ...(wanted && { picture: await writePicture(picture, mask, background) }),
  };
};
