import { z } from "zod";
import { quantity, resources, text, truthValue } from "./fields.ts";

/** Where the service keeps batches. */
export const batchSchema = z
  .strictObject(
    {
      /** Whether a Redis keeps them, so that they outlive the service's pods and all replicas compute them. */
      redis: truthValue.default(false),
      /** Its image, by digest. The embedded cluster makes its own. */
      image: text(/^[^\s@]+@sha256:[0-9a-f]{64}$/, "an image with its digest").optional(),
      size: quantity.default("2Gi"),
      resources: resources({ cpu: "50m", memory: "64Mi" }, { cpu: "500m", memory: "768Mi" }),
    },
    "redis, image, size, resources",
  )
  .prefault({});
