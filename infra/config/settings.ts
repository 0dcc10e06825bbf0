import { z } from "zod";
import { GIT_PORT, NODE_PORTS } from "../embedded/cluster/layout.ts";
import { deployedByArgoCd } from "../gitops/owner.ts";
import { batchSchema } from "./batch.ts";
import { clusterSchema } from "./cluster.ts";
import { evaluationSchema } from "./evaluation.ts";
import { label, truthValue } from "./fields.ts";
import { gitopsSchema } from "./gitops.ts";
import { modelStoreSchema } from "./model-store.ts";
import { monitoringOf, monitoringSchema } from "./monitoring.ts";
import { scaleOf, serviceSchema } from "./service.ts";
import { trackingSchema } from "./tracking.ts";
import { trainingSchema } from "./training.ts";

/** What only a cluster of more than one node, or with more than Kubernetes itself, has. */
const onlyExisting = (what: string) => `${what} only with cluster.kind existing`;

/**
 * All settings of a stack (Pulumi.<stack>.yaml, `pulumi config set --path`), with their defaults: a file here for each
 * part of them, and what holds between the parts.
 */
export const settingsSchema = z
  .strictObject({
    cluster: clusterSchema.prefault({ kind: "minikube" }),
    /** Minikube's and the embedded cluster's provisioner both answer to this name. */
    storageClass: label.default("standard"),
    /** Whether infra/policy judges what the program declares, in preview and up; the commands read it, not the program. */
    policies: truthValue.default(true),
    modelStore: modelStoreSchema,
    training: trainingSchema,
    service: serviceSchema,
    batch: batchSchema,
    tracking: trackingSchema,
    evaluation: evaluationSchema,
    monitoring: monitoringSchema,
    gitops: gitopsSchema,
  })
  .refine(({ cluster, service }) => cluster.kind === "existing" || !service.autoscaling, {
    path: ["service", "autoscaling"],
    error: onlyExisting("an autoscaler (it needs a metrics server, and nodes to grow on)"),
  })
  .refine(
    ({ cluster, modelStore }) =>
      cluster.kind === "existing" || modelStore.accessMode === "ReadWriteOnce",
    { path: ["modelStore", "accessMode"], error: onlyExisting("ReadWriteMany") },
  )
  .refine(
    ({ cluster, service: { port } }) =>
      cluster.kind !== "embedded" || (port >= NODE_PORTS.first && port <= NODE_PORTS.last),
    {
      path: ["service", "port"],
      error: `on the embedded cluster a whole number from ${NODE_PORTS.first} to ${NODE_PORTS.last}`,
    },
  )
  .refine(
    ({ cluster, batch: { redis, image } }) =>
      (redis && cluster.kind !== "embedded") === (image !== undefined),
    {
      path: ["batch", "image"],
      error:
        "an image of Redis with its digest where batch.redis is true, but none on the embedded cluster",
    },
  )
  .refine(
    (settings) =>
      !deployedByArgoCd(settings) ||
      (settings.cluster.kind === "embedded") === (settings.gitops.repository === undefined),
    {
      path: ["gitops", "repository"],
      error: "a repository where gitops.enabled is true, but none on the embedded cluster",
    },
  )
  .refine(
    ({ service: { port }, ...settings }) =>
      settings.cluster.kind !== "embedded" || port !== GIT_PORT || !deployedByArgoCd(settings),
    {
      path: ["service", "port"],
      error: `a port other than ${GIT_PORT}, which the cluster's Git repository has unless gitops.enabled is false`,
    },
  )
  .transform(({ service: { replicas, autoscaling, ...service }, ...settings }) => ({
    ...settings,
    service: { ...service, scale: scaleOf({ replicas, autoscaling }, settings.cluster.kind) },
    monitoring: monitoringOf(settings.monitoring, settings.cluster.kind),
    gitops: { ...settings.gitops, enabled: deployedByArgoCd(settings) },
  }));

/** Every setting of a stack, checked and with defaults. */
export type Settings = z.infer<typeof settingsSchema>;
