import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { bundleService } from "../../service/bundle.ts";

/** Below the repository's packages, as the image has them. */
const BUNDLES = resolve(import.meta.dirname, "../../artifacts/bench/bundles");

/** SHA-256 over a directory's files and their names. */
const digestOf = async (directory: string): Promise<string> => {
  const hash = createHash("sha256");
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  for (const path of files.map(({ parentPath, name }) => join(parentPath, name)).sort()) {
    hash.update(`${relative(directory, path)}\n`).update(await readFile(path));
  }
  return hash.digest("hex");
};

let bundle: Promise<string> | undefined;

const makeBundle = async (): Promise<string> => {
  await mkdir(BUNDLES, { recursive: true });
  const made = await mkdtemp(join(BUNDLES, "new-"));
  await bundleService(made);
  const home = join(BUNDLES, (await digestOf(made)).slice(0, 16));
  // Another measurement made it, or a service runs from it: it stays as it is, for modules are loaded late, too.
  await rename(made, home).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    await rm(made, { recursive: true });
  });
  return home;
};

/** Bundles the service as its image does, once a process. @returns a directory by its content, which nothing changes any more */
export const bundledService = (): Promise<string> => {
  bundle ??= makeBundle();
  return bundle;
};
