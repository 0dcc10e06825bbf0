import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import type { ModelMetadata } from "./metadata.ts";
import { ModelError } from "./model-error.ts";
import type { ModelReference } from "./model-files.ts";
import { atPrecision, type Precision } from "./precision.ts";
import { readMetadata } from "./store.ts";

/** A model that a directory holds, as the file of it that would answer. */
export type ListedModel = ModelReference & Pick<ModelMetadata, "name" | "version">;

/** A directory of a store that holds no usable model, and why. */
export type UnusableModel = { readonly directory: string; readonly reason: string };

const homesIn = async (directory: string): Promise<readonly string[]> => {
  try {
    const entries = await readdir(join(directory, "models"), { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(directory, "models", entry.name))
      .sort();
  } catch (error) {
    // Not a store but a single model, or nothing yet.
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [directory];
    throw error;
  }
};

/**
 * Everything that a store holds (or the one model of a model's directory), by name and version. Reads no network: whether
 * its bytes match the digest shows when it is loaded.
 *
 * @param precision default: what each `model.json` says
 */
export const listModels = async (
  directory: string,
  precision?: Precision,
): Promise<{ readonly models: ListedModel[]; readonly unusable: UnusableModel[] }> => {
  const models: ListedModel[] = [];
  const unusable: UnusableModel[] = [];
  for (const home of await homesIn(directory)) {
    try {
      const { name, version, digest } = atPrecision(await readMetadata(home), precision);
      models.push({ directory: home, digest, name, version });
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      unusable.push({ directory: basename(home), reason: error.message });
    }
  }
  models.sort((a, b) => a.name.localeCompare(b.name) || a.version.localeCompare(b.version));
  return { models, unusable };
};
