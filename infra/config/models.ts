import { z } from "zod";
import { text, wholeNumber } from "./fields.ts";

/** Which models of the store answer, and in which form. */
export const modelsSchema = z
  .strictObject(
    {
      /** Which of a model's files answers; what its model.json says, unless it is set. */
      precision: z.enum(["fp32", "int8"], "fp32 or int8").optional(),
      /** Models that may be loaded at once, the one of /predict among them; 3 unless it is set. */
      max: wholeNumber(1, 64).optional(),
      /** Names of models of the store that are loaded at the start, beside the one of /predict. */
      load: z
        .array(
          text(/^[a-z0-9][a-z0-9-]*$/, "a model's name: lower-case letters, digits and -"),
          "a list of names",
        )
        .default([]),
    },
    "precision, max, load",
  )
  .prefault({})
  .refine(({ max, load }) => max === undefined || load.length < max, {
    path: ["max"],
    error: "more than models.load has names: the model of /predict counts, too",
  });
