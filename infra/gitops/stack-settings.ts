import { globSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { parseSettings } from "../config/read-settings.ts";
import type { Settings } from "../config/settings.ts";
import { repositoryDirectory } from "../paths.ts";

const PREFIX = "image-classification-platform:";

/** The stacks that have a file of settings, sorted. */
export const stackNames = (): string[] =>
  globSync("Pulumi.*.yaml", { cwd: repositoryDirectory })
    .map((file) => file.slice("Pulumi.".length, -".yaml".length))
    .sort();

/** The settings of a stack as its file has them: for what must know them without an engine. */
export const readStackSettings = async (stack: string): Promise<Settings> => {
  const path = join(repositoryDirectory, `Pulumi.${stack}.yaml`);
  const file = parse(await readFile(path, "utf8")) as { config?: Record<string, unknown> } | null;
  const own = Object.entries(file?.config ?? {})
    .filter(([key]) => key.startsWith(PREFIX))
    .map(([key, value]) => [key.slice(PREFIX.length), value]);
  return parseSettings(Object.fromEntries(own));
};
