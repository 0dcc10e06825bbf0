import { z } from "zod";
import { accessSchema } from "./access.ts";
import type { clusterSchema } from "./cluster.ts";
import { resources, wholeNumber } from "./fields.ts";
import { modelsSchema } from "./models.ts";
import { samplingSchema } from "./sampling.ts";
import { storageSchema } from "./storage.ts";
import { tracesSchema } from "./traces.ts";

const autoscalingSchema = z
  .strictObject(
    {
      minReplicas: wholeNumber(1, 50).default(2),
      maxReplicas: wholeNumber(1, 200).default(6),
      /** Percent of the requested CPU that the pods use on average: above it there are more of them, below it fewer. */
      cpuUtilization: wholeNumber(10, 95).default(70),
    },
    "minReplicas, maxReplicas, cpuUtilization",
  )
  .refine(({ minReplicas, maxReplicas }) => minReplicas <= maxReplicas, {
    path: ["maxReplicas"],
    error: "at least minReplicas",
  });

/** How much of the service runs, where it listens, and what it does beside answering. */
export const serviceSchema = z
  .strictObject(
    {
      /**
       * How many pods, always. One on a local cluster, unless it is set: the pods of a laptop compete for the same few
       * cores, so a second one adds memory and no throughput, and a roll-out starts the new pod before it stops the old one
       * (maxSurge 1, maxUnavailable 0) anyway.
       */
      replicas: wholeNumber(1, 50).optional(),
      /** As many pods as their CPU asks for; how it is on an existing cluster, unless replicas is set. */
      autoscaling: autoscalingSchema.optional(),
      port: wholeNumber(1024, 65_535).default(8080),
      resources: resources({ cpu: "500m", memory: "384Mi" }, { cpu: "2", memory: "1Gi" }),
      access: accessSchema,
      models: modelsSchema,
      sampling: samplingSchema,
      storage: storageSchema,
      traces: tracesSchema,
    },
    "replicas, autoscaling, port, resources, access, models, sampling, storage, traces",
  )
  .prefault({})
  .refine(({ replicas, autoscaling }) => replicas === undefined || autoscaling === undefined, {
    path: ["autoscaling"],
    error: "left out where replicas is set: only one can say how many pods there are",
  });

/** How many pods serve: a number, or what their CPU asks for between two numbers. */
export type Scale =
  | { readonly kind: "fixed"; readonly replicas: number }
  | ({ readonly kind: "cpu" } & Readonly<z.infer<typeof autoscalingSchema>>);

/** The scale that the settings ask for; where they say nothing, only an existing cluster scales by itself. */
export const scaleOf = (
  { replicas, autoscaling }: Pick<z.infer<typeof serviceSchema>, "replicas" | "autoscaling">,
  clusterKind: z.infer<typeof clusterSchema>["kind"],
): Scale =>
  clusterKind === "existing" && replicas === undefined
    ? { kind: "cpu", ...(autoscaling ?? autoscalingSchema.parse({})) }
    : { kind: "fixed", replicas: replicas ?? 1 };
