import { z } from "zod";
import { url } from "./fields.ts";

/** Where traces of requests go. */
export const tracesSchema = z
  .strictObject(
    {
      /** Address of an OpenTelemetry collector (OTLP over HTTP), such as http://collector.observability.svc:4318; none, no traces. */
      endpoint: url.optional(),
    },
    "endpoint",
  )
  .prefault({});
