import { z } from "zod";
import { quantity, truthValue, wholeNumber } from "./fields.ts";

const SHARE = "a number above 0, and at most 1";

/** Photos that are kept for people to label, on a volume of their own. */
export const samplingSchema = z
  .strictObject(
    {
      /** Whether any are. */
      enabled: truthValue.default(false),
      /** Share of the photos that is kept. */
      share: z.number(SHARE).positive(SHARE).max(1, SHARE).default(0.01),
      /** What is older goes, */
      days: wholeNumber(1, 3650).default(30),
      /** and above so many megabytes the oldest. */
      megabytes: wholeNumber(1, 1_000_000).default(1000),
      /** Of the volume. */
      size: quantity.default("2Gi"),
    },
    "enabled, share, days, megabytes, size",
  )
  .prefault({});
