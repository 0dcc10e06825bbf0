import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { z } from "zod";
import { labelsOf } from "./labels.ts";

/** What {@link ApiKeys} is made of. */
export type ApiKeysArgs = {
  readonly namespace: pulumi.Input<string>;
  /** File that `npm run -s api-key` writes. */
  readonly file: string;
};

/** The Secret of the hashes, for the service alone, by name: for what is written without it, as Argo CD's files are. */
export const API_KEYS = { secret: "api-keys", file: "api-keys.json" } as const;

/** The Secret of the key that the platform's own Jobs and commands ask with. */
export const PLATFORM_KEY = { secret: "platform-api-key", key: "key" } as const;

/** How a container gets that key: what asks the service reads it from this variable. */
export const platformKeyVariable: k8s.types.input.core.v1.EnvVar = {
  name: "API_KEY",
  valueFrom: { secretKeyRef: { name: PLATFORM_KEY.secret, key: PLATFORM_KEY.key } },
};

/**
 * The keys that may ask the service: the user's, of which only hashes are known, and one of the platform's own, which is made
 * here and is nowhere but in two Secrets, hashed for the service and as it is for the Jobs that test it, and encrypted in the
 * stack's state.
 */
export class ApiKeys extends pulumi.ComponentResource {
  constructor(name: string, args: ApiKeysArgs, options?: pulumi.ComponentResourceOptions) {
    super("image-classification-platform:index:ApiKeys", name, {}, options);
    const { namespace, file } = args;
    const theirs = readKeys(file);
    const parent = { parent: this };
    const { hex } = new random.RandomBytes(name, { length: 32 }, parent);
    const key = hex.apply((digits) => `icp_${digits}`);
    const hashes = key.apply((text) => {
      const own = { name: "platform", scope: "predict", sha256: sha256(text) };
      return `${JSON.stringify({ keys: [...theirs, own] }, null, 2)}\n`;
    });
    new k8s.core.v1.Secret(
      name,
      {
        metadata: { name: API_KEYS.secret, namespace, labels: labelsOf(API_KEYS.secret) },
        stringData: { [API_KEYS.file]: pulumi.secret(hashes) },
      },
      parent,
    );
    new k8s.core.v1.Secret(
      `${name}-platform`,
      {
        metadata: { name: PLATFORM_KEY.secret, namespace, labels: labelsOf(PLATFORM_KEY.secret) },
        stringData: { [PLATFORM_KEY.key]: pulumi.secret(key) },
      },
      parent,
    );
    this.registerOutputs({});
  }
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/** What the service takes: see service/access/api-keys.ts. */
const keysSchema = z.object({
  keys: z.array(
    z.strictObject({
      name: z.string().regex(/^[\w.-]{1,64}$/),
      scope: z.enum(["predict", "admin"]),
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
    }),
  ),
});

/** Reads the user's keys: a file that the service could not use must not get as far as its pods. */
const readKeys = (file: string) => {
  try {
    return keysSchema.parse(JSON.parse(readFileSync(file, "utf8"))).keys;
  } catch (error) {
    // Neither message may quote the file: somebody may have put a key into it.
    const absent = error instanceof Error && "code" in error && error.code === "ENOENT";
    const why = absent ? "is not there" : "is no file of keys";
    throw new pulumi.RunError(
      `service.access.keys: ${file} ${why}; make one with \`npm run -s api-key -- --name <whose> --file ${file}\`.`,
    );
  }
};
