import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

const DIRECTORY = join(import.meta.dirname, "client");

/** The page's scripts by file name, as they lie in client/: browsers run them as they are. */
export const readScripts = async (): Promise<ReadonlyMap<string, string>> => {
  const names = (await readdir(DIRECTORY)).filter((name) => name.endsWith(".js"));
  return new Map(
    await Promise.all(
      names.map(async (name) => [name, await readFile(join(DIRECTORY, name), "utf8")] as const),
    ),
  );
};
