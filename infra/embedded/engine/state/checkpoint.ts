import { createHash } from "node:crypto";
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import versionModule from "@pulumi/pulumi/version.js";
import { z } from "zod";
import { EngineError } from "../engine-error.ts";
import {
  isMap,
  isSecret,
  mapValues,
  type PropertyMap,
  type PropertyValue,
  SECRET_SIGNATURE,
  SIGNATURE,
} from "../property-values.ts";
import type { PendingOperation, ResourceState } from "../resource-state.ts";
import type { SecretsManager } from "./secrets.ts";
import { writeDurably } from "./write-durably.ts";

/** Where the state of one stack is kept. */
export type StackReference = {
  readonly backendDirectory: string;
  readonly project: string;
  readonly stack: string;
};

/** All that is kept between two operations. */
export type Snapshot = {
  readonly resources: readonly ResourceState[];
  readonly pendingOperations: readonly PendingOperation[];
};

/** A checkpoint as read: its secrets are still encrypted, because the salt is needed to open them. */
export type StoredCheckpoint = {
  readonly salt: string | undefined;
  readonly snapshot: Snapshot;
};

const resourceSchema = z.looseObject({ urn: z.string(), custom: z.boolean(), type: z.string() });

const checkpointSchema = z.object({
  version: z.literal(3, { error: "only checkpoint version 3 is read" }),
  checkpoint: z.object({
    latest: z
      .looseObject({
        secrets_providers: z
          .object({ type: z.literal("passphrase"), state: z.object({ salt: z.string() }) })
          .optional(),
        resources: z.array(resourceSchema).nullish(),
        pending_operations: z
          .array(z.object({ type: z.string(), resource: resourceSchema }))
          .nullish(),
      })
      .nullish(),
  }),
});

/** The file that holds the stack's state, in the layout of Pulumi's own file backend. */
export const checkpointPath = ({ backendDirectory, project, stack }: StackReference): string =>
  join(backendDirectory, ".pulumi", "stacks", project, `${stack}.json`);

const readIfPresent = async (path: string): Promise<string | undefined> => {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw new EngineError(`${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
};

/**
 * Reads the stack's checkpoint.
 *
 * @returns undefined when the stack does not exist yet
 * @throws EngineError when the file is not a checkpoint that this engine understands
 */
export const readCheckpoint = async (
  reference: StackReference,
): Promise<StoredCheckpoint | undefined> => {
  const path = checkpointPath(reference);
  const text = await readIfPresent(path);
  if (text === undefined) return undefined;
  let latest: z.infer<typeof checkpointSchema>["checkpoint"]["latest"];
  try {
    latest = checkpointSchema.parse(JSON.parse(text)).checkpoint.latest;
  } catch (error) {
    throw new EngineError(
      `${path} is not a Pulumi checkpoint that can be read; restore ${path}.bak.`,
      { cause: error },
    );
  }
  return {
    salt: latest?.secrets_providers?.state.salt,
    // The schema proves what the engine relies on; fields that only the Pulumi CLI knows are carried along.
    snapshot: {
      resources: (latest?.resources ?? []) as readonly ResourceState[],
      pendingOperations: (latest?.pending_operations ?? []) as readonly PendingOperation[],
    },
  };
};

const mapSecrets = (
  value: PropertyValue,
  replace: (signed: PropertyMap) => PropertyValue,
): PropertyValue => {
  if (isSecret(value)) return replace(value);
  if (Array.isArray(value)) return value.map((item) => mapSecrets(item, replace));
  if (isMap(value)) return mapValues(value, (item) => mapSecrets(item, replace));
  return value;
};

const mapResource = (
  resource: ResourceState,
  replace: (signed: PropertyMap) => PropertyValue,
): ResourceState => ({
  ...resource,
  ...(resource.inputs && { inputs: mapSecrets(resource.inputs, replace) as PropertyMap }),
  ...(resource.outputs && { outputs: mapSecrets(resource.outputs, replace) as PropertyMap }),
});

const mapSnapshot = (
  snapshot: Snapshot,
  replace: (signed: PropertyMap) => PropertyValue,
): Snapshot => ({
  resources: snapshot.resources.map((resource) => mapResource(resource, replace)),
  pendingOperations: snapshot.pendingOperations.map((operation) => ({
    ...operation,
    resource: mapResource(operation.resource, replace),
  })),
});

/** Opens every secret of a checkpoint. @throws EngineError when the passphrase does not fit */
export const decryptSnapshot = (snapshot: Snapshot, secrets: SecretsManager): Snapshot =>
  mapSnapshot(snapshot, (signed) => {
    const ciphertext = signed["ciphertext"];
    if (typeof ciphertext !== "string") {
      throw new EngineError("the state holds a secret without ciphertext; restore its backup.");
    }
    return {
      [SIGNATURE]: SECRET_SIGNATURE,
      value: JSON.parse(secrets.decrypt(ciphertext)) as PropertyValue,
    };
  });

const encryptSnapshot = (snapshot: Snapshot, secrets: SecretsManager): Snapshot =>
  mapSnapshot(snapshot, (signed) => ({
    [SIGNATURE]: SECRET_SIGNATURE,
    ciphertext: secrets.encrypt(JSON.stringify(signed["value"] ?? null)),
  }));

const VERSION = `v${versionModule.version}`;

/** Keeps the checkpoint of before this operation beside the file, as the Pulumi CLI does. */
export const backUpCheckpoint = async (reference: StackReference): Promise<void> => {
  const path = checkpointPath(reference);
  if ((await readIfPresent(path)) !== undefined) await copyFile(path, `${path}.bak`);
};

/** Writes the stack's checkpoint, secrets encrypted, atomically. */
export const writeCheckpoint = async (
  reference: StackReference,
  snapshot: Snapshot,
  secrets: SecretsManager,
): Promise<void> => {
  const path = checkpointPath(reference);
  const { resources, pendingOperations } = encryptSnapshot(snapshot, secrets);
  const checkpoint = {
    version: 3,
    checkpoint: {
      stack: `organization/${reference.project}/${reference.stack}`,
      latest: {
        manifest: {
          time: new Date().toISOString(),
          // Pulumi proves the integrity of a manifest by this digest.
          magic: createHash("sha256").update(VERSION).digest("hex"),
          version: VERSION,
        },
        secrets_providers: { type: "passphrase", state: { salt: secrets.salt } },
        resources,
        pending_operations: pendingOperations,
        metadata: {},
      },
    },
  };
  await writeDurably(path, `${JSON.stringify(checkpoint, null, 4)}\n`);
};

/** Creates the backend's folders and the file that tells its layout. */
export const prepareBackend = async (reference: StackReference): Promise<void> => {
  const meta = join(reference.backendDirectory, ".pulumi", "meta.yaml");
  await mkdir(dirname(checkpointPath(reference)), { recursive: true, mode: 0o700 });
  try {
    await writeFile(meta, "version: 1\n", { flag: "wx" });
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
};
