import { createHash } from "node:crypto";
import { globSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** Which files count. */
export type SourceDigestOptions = {
  readonly directory: string;
  /** Globs relative to the directory; hidden files count when named, and a glob that matches nothing is fine. */
  readonly include: readonly string[];
  /** Globs relative to the directory. */
  readonly exclude?: readonly string[];
};

/** SHA-256 (64 hex digits) of the names and contents of files: equal on every machine and at every path, whatever their order and times. */
export const sourceDigest = ({ directory, include, exclude = [] }: SourceDigestOptions): string => {
  const files = globSync([...include], { cwd: directory, exclude: [...exclude] })
    .filter((file) => statSync(join(directory, file)).isFile())
    .map((file) => file.replaceAll("\\", "/"));
  const digest = createHash("sha256");
  for (const file of [...new Set(files)].sort()) {
    const content = createHash("sha256")
      .update(readFileSync(join(directory, file)))
      .digest("hex");
    digest.update(`${file}\0${content}\n`);
  }
  return digest.digest("hex");
};
