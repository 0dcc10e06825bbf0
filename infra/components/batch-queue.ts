import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import type { Settings } from "../config/settings.ts";
import { labelsOf, selectorOf } from "./labels.ts";
import { oneAtATime } from "./one-at-a-time.ts";
import { persistentServer } from "./persistent-server.ts";

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
 * A Redis that loses nothing that it has answered: every write is on its volume before its answer, it reads that volume when
 * no other Redis writes there any more, and where memory ends it refuses what is new and forgets nothing that is old. It asks for a password, and only the pods named as clients
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
    const parent = { parent: this };

    const password = new random.RandomPassword(name, { length: 32, special: false }, parent);
    const secret = new k8s.core.v1.Secret(
      name,
      {
        metadata: { name: NAME, namespace, labels: labelsOf(NAME) },
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
    persistentServer(
      name,
      {
        part: NAME,
        ...{ namespace, image, clients, resources: settings.resources },
        program: {
          command: oneAtATime(DATA, "redis-server", `${CONFIGURATION}/redis.conf`),
          env: [
            {
              name: "REDISCLI_AUTH",
              valueFrom: { secretKeyRef: { name: NAME, key: "password" } },
            },
          ],
        },
        port: { name: "redis", number: PORT },
        data: { path: DATA, storageClass, size: settings.size },
        mounts: [
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
        // It answers PONG only when what it has kept is read.
        probe: { exec: { command: ["sh", "-c", "redis-cli ping | grep -q PONG"] } },
        start: { periodSeconds: 1, progressDeadlineSeconds: 180, timeout: "5m" },
      },
      parent,
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
