import { access, constants, readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { SettingsError } from "../settings.ts";

const share = z.number().min(0).max(1);
const classIndex = z.int().min(0).max(999);

const mvpSchema = z.strictObject({
  mvp: z.strictObject({
    /** Steps by default; unknown ones are ignored (`plan`). */
    steps: z.array(z.string()),
    /** Whether results are kept in the store without being asked for. */
    export: z.boolean(),
  }),
  output: z.strictObject({
    /** Longest side of the picture that is worked on and returned, pixels. */
    max_side: z.int().min(256).max(4096),
  }),
});

const thresholdsSchema = z.strictObject({
  qa: z.strictObject({
    min_pixels: z.int().positive(),
    blur_threshold: z.number().nonnegative(),
    clutter_max: share,
    overexposed_max: share,
    underexposed_max: share,
    foreground_min: share,
  }),
  tag: z.strictObject({ category_confidence: share, material_confidence: share }),
});

/** Classes of ImageNet (ILSVRC 2012), by number: single ones, and first and last of a run. */
const classesSchema = z
  .array(z.union([classIndex, z.tuple([classIndex, classIndex])]))
  .transform((entries) =>
    entries.flatMap((entry) => {
      if (typeof entry === "number") return [entry];
      const [first, last] = entry;
      return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
    }),
  );

const categoriesSchema = z
  .strictObject({
    categories: z.record(z.string(), classesSchema),
    materials: z.record(z.string(), classesSchema),
  })
  .superRefine((map, context) => {
    for (const [kind, groups] of Object.entries(map)) {
      const seen = new Map<number, string>();
      for (const [name, classes] of Object.entries(groups)) {
        for (const index of classes) {
          const before = seen.get(index);
          if (before !== undefined) {
            const message = `class ${index} is both ${before} and ${name}`;
            context.addIssue({ code: "custom", path: [kind, name], message });
          }
          seen.set(index, name);
        }
      }
    }
  });

/** The three files of `configs/`, checked. */
export type ProcessConfig = z.infer<typeof mvpSchema> &
  z.infer<typeof thresholdsSchema> &
  z.infer<typeof categoriesSchema>;
export type Thresholds = z.infer<typeof thresholdsSchema>;
export type Categories = z.infer<typeof categoriesSchema>;

const readYaml = async <T>(path: string, schema: z.ZodType<T>): Promise<T> => {
  try {
    return schema.parse(parse(await readFile(path, "utf8")));
  } catch (error) {
    const reason =
      error instanceof z.ZodError
        ? z.prettifyError(error).replaceAll(/\s+/g, " ")
        : String(error instanceof Error ? error.message : error).split("\n")[0];
    throw new SettingsError(`${path} is not usable: ${reason}.`, { cause: error });
  }
};

/** Sees that the ONNX file of SEGMENTER_MODEL can be read; what is in it shows with the first photo. @throws SettingsError */
export const checkSegmenter = async (path: string | undefined): Promise<void> => {
  if (path === undefined) return;
  await access(path, constants.R_OK).catch((error: unknown) => {
    throw new SettingsError(`SEGMENTER_MODEL=${path} cannot be read; name an ONNX file.`, {
      cause: error,
    });
  });
};

/**
 * Reads mvp.yaml, thresholds.yaml and categories.yaml.
 *
 * @throws SettingsError one line that names file and field
 */
export const readProcessConfig = async (directory: string): Promise<ProcessConfig> => {
  const [mvp, thresholds, categories] = await Promise.all([
    readYaml(join(directory, "mvp.yaml"), mvpSchema),
    readYaml(join(directory, "thresholds.yaml"), thresholdsSchema),
    readYaml(join(directory, "categories.yaml"), categoriesSchema),
  ]);
  return { ...mvp, ...thresholds, ...categories };
};
