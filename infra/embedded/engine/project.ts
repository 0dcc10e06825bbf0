import { readFile, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { EngineError, messageOf } from "./engine-error.ts";
import { secret, secretHider } from "./property-values.ts";

/** What Pulumi.yaml and Pulumi.<stack>.yaml say. Secret values are still encrypted. */
export type Project = {
  readonly name: string;
  readonly root: string;
  /** Where the program and the commands it declares run, as under the Pulumi CLI. */
  readonly workingDirectory: string;
  /** What the SDK is asked to run, relative to the working directory. */
  readonly entryPoint: string;
  readonly nodeArguments: readonly string[];
  readonly config: Readonly<Record<string, unknown>>;
  readonly encryptionSalt: string | undefined;
};

/** Configuration as the SDK takes it: every value as text. */
export type ProgramConfig = {
  readonly values: Readonly<Record<string, string>>;
  readonly secretKeys: readonly string[];
};

const projectSchema = z.looseObject({
  name: z.string().min(1),
  runtime: z.union([
    z.string(),
    z.looseObject({
      name: z.string(),
      options: z
        .looseObject({ typescript: z.boolean().optional(), nodeargs: z.string().optional() })
        .default({}),
    }),
  ]),
  main: z.string().optional(),
  config: z.record(z.string(), z.unknown()).nullish(),
});

const stackSchema = z.looseObject({
  config: z.record(z.string(), z.unknown()).nullish(),
  encryptionsalt: z.string().optional(),
  secretsprovider: z.string().optional(),
});

const readYaml = async <T>(path: string, schema: z.ZodType<T>): Promise<T> => {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw new EngineError(`${path} cannot be read (${messageOf(error)}).`, { cause: error });
  }
  try {
    return schema.parse(parse(text) ?? {});
  } catch (error) {
    const what = error instanceof z.ZodError ? z.prettifyError(error) : messageOf(error);
    throw new EngineError(`${path} is not valid: ${what.replaceAll("\n", " ")}`, { cause: error });
  }
};

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The default of a project-level setting: `{type, default}`, `{value}` or the value itself. */
const defaultOf = (setting: unknown): unknown => {
  if (!isRecord(setting)) return setting;
  if ("default" in setting) return setting["default"];
  return "type" in setting ? setting["value"] : "value" in setting ? setting["value"] : undefined;
};

const qualify = (project: string, config: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(
    Object.entries(config).map(([key, value]) => [
      key.includes(":") ? key : `${project}:${key}`,
      value,
    ]),
  );

/** As the CLI does: a `main` that is a folder is itself the working directory, else the folder of the file is. */
const locateProgram = async (
  root: string,
  main: string | undefined,
): Promise<Pick<Project, "workingDirectory" | "entryPoint">> => {
  if (main === undefined) return { workingDirectory: root, entryPoint: "." };
  const path = resolve(root, main);
  try {
    return (await stat(path)).isDirectory()
      ? { workingDirectory: path, entryPoint: "." }
      : { workingDirectory: dirname(path), entryPoint: basename(path) };
  } catch (error) {
    throw new EngineError(`Pulumi.yaml says main: ${main}, but there is no ${path}.`, {
      cause: error,
    });
  }
};

/**
 * Reads a project and one of its stacks.
 *
 * @throws EngineError when a file is missing or says something that this engine does not carry
 */
export const readProject = async (directory: string, stack: string): Promise<Project> => {
  const root = resolve(directory);
  const project = await readYaml(join(root, "Pulumi.yaml"), projectSchema);
  const runtime =
    typeof project.runtime === "string" ? { name: project.runtime, options: {} } : project.runtime;
  const options: { typescript?: boolean | undefined; nodeargs?: string | undefined } =
    runtime.options;
  if (runtime.name !== "nodejs" || options.typescript !== false) {
    throw new EngineError(
      "Pulumi.yaml must say runtime: {name: nodejs, options: {typescript: false}}: Node itself strips the types.",
    );
  }
  const settings = await readYaml(join(root, `Pulumi.${stack}.yaml`), stackSchema);
  if (settings.secretsprovider !== undefined && settings.secretsprovider !== "passphrase") {
    throw new EngineError(
      `Pulumi.${stack}.yaml uses the secrets provider ${settings.secretsprovider}; the embedded engine knows only passphrase: use the Pulumi CLI.`,
    );
  }
  const defaults = Object.entries(project.config ?? {})
    .map(([key, setting]) => [key, defaultOf(setting)] as const)
    .filter(([, value]) => value !== undefined);
  return {
    name: project.name,
    root,
    ...(await locateProgram(root, project.main)),
    nodeArguments: (options.nodeargs ?? "").split(/\s+/).filter((part) => part !== ""),
    config: {
      ...qualify(project.name, Object.fromEntries(defaults)),
      ...qualify(project.name, settings.config ?? {}),
    },
    encryptionSalt: settings.encryptionsalt,
  };
};

type Decrypt = (ciphertext: string) => string;
type Opened = { readonly value: unknown; readonly secret: boolean };

const isSecure = (value: unknown): value is { readonly secure: string } =>
  isRecord(value) && Object.keys(value).length === 1 && typeof value["secure"] === "string";

const open = (value: unknown, decrypt: Decrypt): Opened => {
  if (isSecure(value)) return { value: decrypt(value.secure), secret: true };
  const entries = isRecord(value) || Array.isArray(value) ? Object.entries(value) : undefined;
  if (entries === undefined) return { value, secret: false };
  const opened = entries.map(([key, item]) => [key, open(item, decrypt)] as const);
  const content = opened.map(([key, item]) => [key, item.value] as const);
  return {
    value: Array.isArray(value) ? content.map(([, item]) => item) : Object.fromEntries(content),
    secret: opened.some(([, item]) => item.secret),
  };
};

/** Opens the secrets of the configuration, and makes every value text: lists and objects become JSON. */
export const openConfig = (project: Project, decrypt: Decrypt): ProgramConfig => {
  const opened = Object.entries(project.config).map(
    ([key, value]) => [key, open(value, decrypt)] as const,
  );
  return {
    values: Object.fromEntries(
      opened.map(([key, { value }]) => [
        key,
        typeof value === "object" && value !== null ? JSON.stringify(value) : String(value ?? ""),
      ]),
    ),
    secretKeys: opened.filter(([, { secret }]) => secret).map(([key]) => key),
  };
};

/** Makes a function that hides, in a text, every secret of the configuration. */
export const configSecretsHider = ({
  values,
  secretKeys,
}: ProgramConfig): ((text: string) => string) =>
  secretHider(secretKeys.map((key) => secret(values[key] ?? "")));
