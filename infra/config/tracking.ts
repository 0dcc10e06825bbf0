import { z } from "zod";
import { quantity, resources, truthValue } from "./fields.ts";

/** The record of trainings and their models. */
export const trackingSchema = z
  .strictObject(
    {
      /** Whether an MLflow server runs beside the service and trainings are tracked in it. */
      enabled: truthValue.default(true),
      size: quantity.default("2Gi"),
      resources: resources({ cpu: "50m", memory: "384Mi" }, { cpu: "1", memory: "1Gi" }),
    },
    "enabled, size, resources",
  )
  .prefault({});
