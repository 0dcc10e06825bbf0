import { z } from "zod";
import { resources, text, truthValue } from "./fields.ts";

/** The scheduled check of how often the running service is right. */
export const evaluationSchema = z
  .strictObject(
    {
      /** Whether the cluster evaluates the running service by itself; `make evaluate` does it in any case. */
      enabled: truthValue.default(true),
      schedule: text(
        /^(@(hourly|daily|weekly|monthly)|\S+( \S+){4})$/,
        'five fields of cron such as "17 3 * * *", or @daily',
      ).default("17 3 * * *"),
      /**
       * Share of right answers below which an evaluation fails. The default suits the drawn pictures, of which the default
       * model answers 90 %; with photos 0.95 is not too much.
       */
      minAccuracy: z
        .number("a number from 0 to 1")
        .min(0, "a number from 0 to 1")
        .max(1, "a number from 0 to 1")
        .default(0.8),
      resources: resources({ cpu: "50m", memory: "128Mi" }, { cpu: "1", memory: "1Gi" }),
    },
    "enabled, schedule, minAccuracy, resources",
  )
  .prefault({});
