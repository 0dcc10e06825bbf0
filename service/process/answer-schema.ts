import { z } from "zod";
import { modelReferenceSchema } from "../answer-schemas.ts";
import { STEPS } from "./plan.ts";
import { ISSUE_CODES } from "./vocabulary.ts";

const share = z.number().min(0).max(1);

/** What `/process` answers. Tags and quality are empty where their step was not asked for. */
export const processAnswerSchema = z
  .object({
    status: z.literal("ok"),
    /** Size of the upload as it is looked at, pixels. */
    width: z.int().positive(),
    height: z.int().positive(),
    tags: z.object({
      /** One of configs/categories.yaml, or "unknown". */
      category: z.string().optional(),
      /** Probability of that category; of the most probable one when it is unknown. */
      category_confidence: share.optional(),
      dominant_color: z.string().optional(),
      /** Its share of the foreground; of everything where there is none. */
      dominant_color_share: share.optional(),
      /** Only when the category's class implies it, and surely. */
      material: z.string().optional(),
      material_confidence: share.optional(),
    }),
    qa: z.object({
      min_size_ok: z.boolean().optional(),
      sharpness: z.enum(["sharp", "blurry"]).optional(),
      laplacian_variance: z.number().nonnegative().optional(),
      /** Why the photo would not do, each with what was measured and its limit; empty when it does. */
      issues: z
        .array(z.object({ code: z.enum(ISSUE_CODES), measured: z.number(), limit: z.number() }))
        .optional(),
    }),
    /** Where the picture was kept; null unless that was asked for. */
    output_url: z.string().nullable(),
    /** Share of the picture that is foreground; null when it was not segmented. */
    foreground_share: share.nullable(),
    /** What was done, in order. */
    steps: z.array(z.enum(STEPS)),
    model: modelReferenceSchema,
  })
  .meta({ id: "ProcessResult" });
export type ProcessAnswer = z.infer<typeof processAnswerSchema>;
