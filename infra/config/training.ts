import { z } from "zod";
import { path, resources, wholeNumber } from "./fields.ts";

/** What the model is trained on, and with how much. */
export const trainingSchema = z
  .strictObject(
    {
      /** `auto`: Kaggle's photos where a token is found, else drawn pictures. */
      source: z
        .enum(["auto", "kaggle", "sample", "folder"], "auto, kaggle, sample or folder")
        .default("auto"),
      /** Your own photos, for source `folder`: one sub-folder a class, or Kaggle's file names. */
      photos: path.optional(),
      seed: wholeNumber(0, 2 ** 32 - 1).default(42),
      /** Pictures to draw, for source `sample`. */
      count: wholeNumber(60, 100_000).default(400),
      resources: resources({ cpu: "500m", memory: "512Mi" }, { cpu: "2", memory: "2Gi" }),
    },
    "source, photos, seed, count, resources",
  )
  .prefault({})
  .refine(({ source, photos }) => (source === "folder") === (photos !== undefined), {
    path: ["photos"],
    error: "a directory exactly when training.source is folder",
  });
