import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import type { Settings } from "../config/settings.ts";
import { labelsOf, selectorOf } from "./labels.ts";
import { fromPods } from "./network-rules.ts";
import { podNetworkPolicy } from "./pod-network-policy.ts";
import { restrictedPodSpec } from "./restricted-pod.ts";

/** What a {@link BatchQueue} is made of. */
export type BatchQueueArgs = {
  readonly namespace: pulumi.Input<string>;
  /** Reference of a Redis image. */
  readonly image: pulumi.Input<string>;
  readonly storageClass: string;
  readonly settings: Pick<Settings["batch"], "size" | "resources">;
  /** Labels that pick the pods that may talk to it. */
  readonly clients: readonly Readonly<Record<string, string>>[];
};

const NAME = "batch-queue";
const PORT = 6379;
const DATA = "/data";
const CONFIGURATION = "/etc/redis";

/** What the service needs to know of the queue, by name: for what is written without it, as Argo CD's files are. */
export const BATCH_QUEUE = { secret: NAME, selector: selectorOf(NAME), port: PORT } as const;

/**
 * A Redis that loses nothing that it has answered: every write is on its volume before its answer, and where memory ends
 * it refuses what is new and forgets nothing that is old. It asks for a password, and only the pods named as clients
 * reach it.
 */
export class BatchQueue extends pulumi.ComponentResource {
  /** Secret whose key `url` is the queue's address, the password in it. */
  readonly secret: pulumi.Output<string>;
  /** Labels that pick its pod. */
  readonly selector = BATCH_QUEUE.selector;
  readonly port = PORT;

  constructor(name: string, args: BatchQueueArgs, options?: pulumi.ComponentResourceOptions) {
    super("image-classification-platform:index:BatchQueue", name, {}, options);
    const { namespace, image, storageClass, settings, clients } = args;
    const metadata = { name: NAME, namespace, labels: labelsOf(NAME) };
    const selector = { matchLabels: this.selector };
    const parent = { parent: this };

    const policy = podNetworkPolicy(
      name,
      { part: NAME, namespace, ingress: [fromPods(clients, PORT)] },
      parent,
    );
    const password = new random.RandomPassword(name, { length: 32, special: false }, parent);
    const secret = new k8s.core.v1.Secret(
      name,
      {
        metadata,
        stringData: {
          url: pulumi.interpolate`redis://:${password.result}@${NAME}:${PORT}`,
          password: password.result,
          "redis.conf": password.result.apply((word) =>
            configuration(word, settings.resources.limits.memory),
          ),
        },
      },
      parent,
    );
    const claim = new k8s.core.v1.PersistentVolumeClaim(
      name,
      {
        metadata,
        spec: {
          accessModes: ["ReadWriteOnce"],
          storageClassName: storageClass,
          resources: { requests: { storage: settings.size } },
        },
      },
      parent,
    );
    const deployment = new k8s.apps.v1.Deployment(
      name,
      {
        metadata,
        spec: {
          replicas: 1,
          revisionHistoryLimit: 3,
          progressDeadlineSeconds: 180,
          selector,
          // Two of them would write the same files.
          strategy: { type: "Recreate" },
          template: {
            metadata: { labels: labelsOf(NAME) },
            spec: restrictedPodSpec({
              pod: {},
              container: {
                name: NAME,
                image,
                command: ["redis-server", `${CONFIGURATION}/redis.conf`],
                env: [
                  {
                    name: "REDISCLI_AUTH",
                    valueFrom: { secretKeyRef: { name: NAME, key: "password" } },
                  },
                ],
                ports: [{ name: "redis", containerPort: PORT }],
                // It answers PONG only when what it has kept is read.
                startupProbe: probe({ periodSeconds: 1, failureThreshold: 120 }),
                readinessProbe: probe({ periodSeconds: 5, failureThreshold: 2 }),
                livenessProbe: probe({ periodSeconds: 20, failureThreshold: 3 }),
                resources: settings.resources,
              },
              mounts: [
                {
                  path: DATA,
                  volume: {
                    name: "data",
                    persistentVolumeClaim: { claimName: claim.metadata.name },
                  },
                },
                {
                  path: CONFIGURATION,
                  readOnly: true,
                  volume: {
                    name: "configuration",
                    secret: {
                      secretName: secret.metadata.name,
                      items: [{ key: "redis.conf", path: "redis.conf" }],
                    },
                  },
                },
              ],
            }),
          },
        },
      },
      { ...parent, dependsOn: policy, customTimeouts: { create: "5m", update: "5m" } },
    );
    new k8s.core.v1.Service(
      name,
      {
        metadata,
        spec: {
          type: "ClusterIP",
          selector: this.selector,
          ports: [{ name: "redis", port: PORT, targetPort: "redis" }],
        },
      },
      { ...parent, dependsOn: deployment },
    );
    this.secret = secret.metadata.name;
    this.registerOutputs({ secret: this.secret });
  }
}

const SUFFIXES: Readonly<Record<string, number>> = {
  ...{ "": 1, K: 1e3, M: 1e6, G: 1e9, T: 1e12 },
  ...{ Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40 },
};

const bytesOf = (quantity: string): number => {
  const [, number = "", suffix = ""] = /^([\d.]+)(.*)$/.exec(quantity) ?? [];
  return Number(number) * (SUFFIXES[suffix] ?? 1);
};

/** Two thirds of its memory are for data: a rewrite of the log copies pages that change meanwhile. */
const configuration = (password: string, memory: string): string =>
  [
    `port ${PORT}`,
    `dir ${DATA}`,
    `requirepass ${password}`,
    'save ""',
    "appendonly yes",
    "appendfsync always",
    `maxmemory ${Math.floor((bytesOf(memory) * 2) / 3)}`,
    "maxmemory-policy noeviction",
    "",
  ].join("\n");

const probe = (timing: k8s.types.input.core.v1.Probe) => ({
  exec: { command: ["sh", "-c", "redis-cli ping | grep -q PONG"] },
  timeoutSeconds: 5,
  ...timing,
});
