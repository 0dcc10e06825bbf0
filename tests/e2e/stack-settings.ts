import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { parse, stringify } from "yaml";
import { make, repository } from "./support.ts";

const file = join(repository, "Pulumi.embedded.yaml");
const PREFIX = "image-classification-platform:";

/** Renders deploy/ from the stack's file, and deploys both. */
const deploy = async (): Promise<void> => {
  for (const target of ["render", "up"]) {
    const { code, stdout, stderr } = await make(target);
    expect(code, stdout + stderr).toBe(0);
  }
};

/**
 * Gives the stack more settings, as its user would: in its file, with deploy/ rendered anew. Both are files of Git: where a
 * test was killed, `git restore Pulumi.embedded.yaml deploy && git clean -f deploy` puts them back.
 *
 * @returns what puts them back, in the files and on the cluster
 */
export const deployWithSettings = async (
  settings: Readonly<Record<string, object>>,
): Promise<() => Promise<void>> => {
  const before = readFileSync(file, "utf8");
  const { config } = parse(before) as { config: Record<string, unknown> };
  const more = Object.entries(settings).map(([key, value]) => [PREFIX + key, value]);
  const restore = async (): Promise<void> => {
    writeFileSync(file, before);
    await deploy();
  };
  writeFileSync(file, stringify({ config: { ...config, ...Object.fromEntries(more) } }));
  try {
    await deploy();
  } catch (error) {
    writeFileSync(file, before);
    await make("render");
    throw error;
  }
  return restore;
};
