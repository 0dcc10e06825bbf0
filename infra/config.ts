import { homedir } from "node:os";
import { resolve } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { NODE_PORTS } from "./embedded/cluster/layout.ts";
import { repositoryDirectory } from "./paths.ts";

/*
 * All settings of a stack (Pulumi.<stack>.yaml, `pulumi config set --path`), with their defaults. The error text of a
 * schema is what is allowed: it ends the line "KEY is GIVEN; allowed: …".
 */
const PROJECT = "image-classification-platform";

const wholeNumber = (min: number, max: number) => {
  const allowed = `a whole number from ${min} to ${max}`;
  return z.int(allowed).min(min, allowed).max(max, allowed);
};

const text = (pattern: RegExp, allowed: string) => z.string(allowed).regex(pattern, allowed);

const truthValue = z.boolean("true or false");

const quantity = text(
  /^\d+(\.\d+)?(m|[KMGT]i?)?$/,
  "a Kubernetes quantity such as 500m, 2 or 512Mi",
);

const label = text(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, "lower-case letters, digits, - and .");

/** A path of the user's machine: `~` is their home, a relative one starts at the repository. */
const path = text(/^[^"$`]+$/, 'a path without ", $ and `').transform((given) =>
  resolve(repositoryDirectory, given.replace(/^~(?=[\\/]|$)/, homedir())),
);

type Amounts = { readonly cpu: string; readonly memory: string };

const amounts = (defaults: Amounts) =>
  z
    .strictObject(
      { cpu: quantity.default(defaults.cpu), memory: quantity.default(defaults.memory) },
      "cpu and memory",
    )
    .prefault({});

const resources = (requests: Amounts, limits: Amounts) =>
  z
    .strictObject({ requests: amounts(requests), limits: amounts(limits) }, "requests and limits")
    .prefault({});

const clusterSchema = z.discriminatedUnion(
  "kind",
  [
    /** Started by `minikube start` on the user's machine. */
    z.strictObject({
      kind: z.literal("minikube"),
      profile: label.default("cats-dogs"),
      cpus: wholeNumber(2, 64).default(2),
      memory: text(/^\d+[mg]$/, "a size such as 4g or 4096m").default("4g"),
    }),
    /** One node, built from upstream's source and started by this project. */
    z.strictObject({ kind: z.literal("embedded") }),
    /** Any cluster that a kubeconfig names; nothing of it is started or stopped. */
    z.strictObject({
      kind: z.literal("existing"),
      kubeconfig: path,
      context: text(/\S/, "the name of a context of that kubeconfig"),
      /** Where the project's images are pushed so that the cluster can pull them. */
      registry: text(
        /^[\w.-]+(:\d+)?(\/[\w.-]+)*$/,
        "a registry such as registry.example.org/team",
      ),
    }),
  ],
  "kind minikube, embedded or existing",
);

const trainingSchema = z
  .strictObject(
    {
      /** `auto`: Kaggle's photos where a token is found, else drawn pictures. */
      source: z
        .enum(["auto", "kaggle", "sample", "folder"], "auto, kaggle, sample or folder")
        .default("auto"),
      /** Your own photos, for source `folder`: one sub-folder a class, or Kaggle's file names. */
      photos: path.optional(),
      seed: wholeNumber(0, 2 ** 32 - 1).default(42),
      /** Pictures to draw, for source `sample`. */
      count: wholeNumber(60, 100_000).default(400),
      resources: resources({ cpu: "500m", memory: "512Mi" }, { cpu: "2", memory: "2Gi" }),
    },
    "source, photos, seed, count, resources",
  )
  .prefault({})
  .refine(({ source, photos }) => (source === "folder") === (photos !== undefined), {
    path: ["photos"],
    error: "a directory exactly when training.source is folder",
  });

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

const serviceSchema = z
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
    },
    "replicas, autoscaling, port, resources",
  )
  .prefault({})
  .refine(({ replicas, autoscaling }) => replicas === undefined || autoscaling === undefined, {
    path: ["autoscaling"],
    error: "left out where replicas is set: only one can say how many pods there are",
  });

const modelStoreSchema = z
  .strictObject(
    {
      size: quantity.default("1Gi"),
      /**
       * With ReadWriteOnce all pods that read the store share a node; ReadWriteMany needs a storage class that can
       * (NFS, CephFS, EFS, Azure Files, Filestore) and lets them spread.
       */
      accessMode: z
        .enum(["ReadWriteOnce", "ReadWriteMany"], "ReadWriteOnce or ReadWriteMany")
        .default("ReadWriteOnce"),
    },
    "size, accessMode",
  )
  .prefault({});

const gitopsSchema = z
  .strictObject(
    {
      /** Argo CD deploys the service and its smoke test from Git; otherwise this program does. */
      enabled: truthValue.default(false),
      /** The repository that Argo CD watches. The embedded cluster brings one of its own. */
      repository: text(/^(https|ssh|git):\/\/\S+$/, "the URL of a Git repository").optional(),
      revision: text(/^[\w./-]+$/, "a branch").default("main"),
      /** Seconds until a roll-out without progress has failed: only then can Argo CD take up the next commit. */
      progressDeadline: wholeNumber(20, 900).default(45),
    },
    "enabled, repository, revision, progressDeadline",
  )
  .prefault({});

const monitoringSchema = z
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

const trackingSchema = z
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

const evaluationSchema = z
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

/** What only a cluster of more than one node, or with more than Kubernetes itself, has. */
const onlyExisting = (what: string) => `${what} only with cluster.kind existing`;

const settingsSchema = z
  .strictObject({
    cluster: clusterSchema.prefault({ kind: "minikube" }),
    /** Minikube's and the embedded cluster's provisioner both answer to this name. */
    storageClass: label.default("standard"),
    /** Whether infra/policy judges what the program declares, in preview and up; the commands read it, not the program. */
    policies: truthValue.default(true),
    modelStore: modelStoreSchema,
    training: trainingSchema,
    service: serviceSchema,
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
    ({ cluster, gitops }) =>
      !gitops.enabled || (cluster.kind === "embedded") === (gitops.repository === undefined),
    {
      path: ["gitops", "repository"],
      error: "a repository where gitops.enabled is true, but none on the embedded cluster",
    },
  )
  .transform(({ service, ...settings }) => {
    const { replicas, autoscaling, ...rest } = service;
    const scales = settings.cluster.kind === "existing" && replicas === undefined;
    const scale: Scale = scales
      ? { kind: "cpu", ...(autoscaling ?? autoscalingSchema.parse({})) }
      : { kind: "fixed", replicas: replicas ?? 1 };
    return { ...settings, service: { ...rest, scale } };
  });

/** How many pods serve: a number, or what their CPU asks for between two numbers. */
export type Scale =
  | { readonly kind: "fixed"; readonly replicas: number }
  | ({ readonly kind: "cpu" } & Readonly<z.infer<typeof autoscalingSchema>>);

/** Every setting of a stack, checked and with defaults. */
export type Settings = z.infer<typeof settingsSchema>;

/** CPU and memory of a container, as Kubernetes spells them. */
export type Resources = Settings["service"]["resources"];

const valueAt = (raw: unknown, keys: readonly PropertyKey[]): unknown =>
  keys.reduce<unknown>(
    (value, key) =>
      typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined,
    raw,
  );

const describe = (raw: unknown, issue: z.core.$ZodIssue): readonly string[] => {
  const key = (...keys: readonly PropertyKey[]): string =>
    `${PROJECT}:${keys.map(String).join(".")}`;
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map(
      (name) => `${key(...issue.path, name)} is no setting; infra/config.ts lists all of them`,
    );
  }
  const given = valueAt(raw, issue.path);
  const shown = given === undefined ? "not set" : JSON.stringify(given);
  return [`${key(...issue.path)} is ${shown}; allowed: ${issue.message}`];
};

/**
 * Checks settings as they were given and adds the defaults.
 *
 * @throws pulumi.RunError with a line for each wrong setting: its key, what was given, what is allowed
 */
export const parseSettings = (raw: unknown): Settings => {
  const result = settingsSchema.safeParse(raw);
  if (result.success) return result.data;
  throw new pulumi.RunError(
    result.error.issues.flatMap((issue) => describe(raw, issue)).join("\n"),
  );
};

/** A value of `pulumi config`: JSON for objects, numbers and truth values, plain text otherwise. */
const decode = (value: string): unknown => {
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
};

/**
 * Reads the settings of the stack that is being deployed.
 *
 * @throws pulumi.RunError see {@link parseSettings}
 */
export const readSettings = (): Settings => {
  const prefix = `${PROJECT}:`;
  const raw = Object.entries(pulumi.runtime.allConfig())
    .filter(([key]) => key.startsWith(prefix))
    .map(([key, value]) => [key.slice(prefix.length), decode(value)] as const);
  return parseSettings(Object.fromEntries(raw));
};
