import { z } from "zod";
import { text, truthValue } from "./fields.ts";

/** Figures, alerts and dashboards. */
export const monitoringSchema = z
  .strictObject(
    {
      /** Prometheus, alerts, dashboards and the service's /status page. */
      enabled: truthValue.default(true),
      /** Volume of Prometheus; nine tenths of it are used before the oldest figures go. */
      storage: text(/^[1-9]\d{0,3}Gi$/, "whole gibibytes such as 4Gi").default("2Gi"),
      /** What a link to a runbook starts with: the address of docs/runbooks where alerts are read. */
      runbooks: text(/^\S+$/, "an address or path without spaces").default("docs/runbooks"),
    },
    "enabled, storage, runbooks",
  )
  .prefault({});
