import { resolve } from "node:path";
import { openConfig, type ProgramConfig, type Project, readProject } from "./project.ts";
import {
  decryptSnapshot,
  readCheckpoint,
  type Snapshot,
  type StackReference,
} from "./state/checkpoint.ts";
import { createSecretsManager, openSecretsManager, type SecretsManager } from "./state/secrets.ts";

/** Which stack, and how to get at it. */
export type StackOptions = {
  /** The folder of Pulumi.yaml and Pulumi.<stack>.yaml. */
  readonly projectDirectory: string;
  readonly stack: string;
  /** The folder that `pulumi login file://…` would name. */
  readonly backendDirectory: string;
  readonly passphrase: string;
};

/** A stack whose secrets can be read and written. */
export type OpenStack = {
  readonly project: Project;
  readonly reference: StackReference;
  readonly secrets: SecretsManager;
  readonly snapshot: Snapshot;
};

/** Reads project and state. @throws EngineError when one is not readable or the passphrase does not fit */
export const openStack = async (options: StackOptions): Promise<OpenStack> => {
  const { stack, passphrase } = options;
  const project = await readProject(options.projectDirectory, stack);
  const backendDirectory = resolve(options.backendDirectory);
  const reference = { backendDirectory, project: project.name, stack };
  const stored = await readCheckpoint(reference);
  const salt = stored?.salt ?? project.encryptionSalt;
  const secrets =
    salt === undefined
      ? await createSecretsManager(passphrase)
      : await openSecretsManager(passphrase, salt);
  const snapshot = decryptSnapshot(
    stored?.snapshot ?? { resources: [], pendingOperations: [] },
    secrets,
  );
  return { project, reference, secrets, snapshot };
};

/** The configuration of an open stack, its secrets in clear. */
export const configOf = async (opened: OpenStack, passphrase: string): Promise<ProgramConfig> => {
  const { project, secrets } = opened;
  const { encryptionSalt } = project;
  const own =
    encryptionSalt === undefined || encryptionSalt === secrets.salt
      ? secrets
      : await openSecretsManager(passphrase, encryptionSalt);
  return openConfig(project, (ciphertext) => own.decrypt(ciphertext));
};
