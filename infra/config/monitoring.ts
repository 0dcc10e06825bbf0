import { z } from "zod";
import type { clusterSchema } from "./cluster.ts";
import { text, truthValue } from "./fields.ts";

/** Figures, alerts and dashboards. */
export const monitoringSchema = z
  .strictObject(
    {
      /** Prometheus, alerts, dashboards and the service's /status page; not on an existing cluster, unless it is set. */
      enabled: truthValue.optional(),
      /** Volume of Prometheus; nine tenths of it are used before the oldest figures go. */
      storage: text(/^[1-9]\d{0,3}Gi$/, "whole gibibytes such as 4Gi").default("2Gi"),
      /** What a link to a runbook starts with: the address of docs/runbooks where alerts are read. */
      runbooks: text(/^\S+$/, "an address or path without spaces").default("docs/runbooks"),
    },
    "enabled, storage, runbooks",
  )
  .prefault({});

/**
 * Monitoring as the settings ask for it. Where they say nothing, an existing cluster is left without: the stack needs namespaces,
 * definitions and rights that are the whole cluster's, which may have one of its own.
 */
export const monitoringOf = (
  { enabled, ...monitoring }: z.infer<typeof monitoringSchema>,
  clusterKind: z.infer<typeof clusterSchema>["kind"],
) => ({ enabled: enabled ?? clusterKind !== "existing", ...monitoring });
