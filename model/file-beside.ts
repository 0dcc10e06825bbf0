import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { digestOf } from "./digest.ts";
import { ModelError } from "./model-error.ts";

/**
 * Reads a file that training left beside a model, and verifies it.
 *
 * @param directory the model's
 * @throws ModelError `missing` or `digest-mismatch`
 */
export const readFileBeside = async (
  directory: string,
  declared: { readonly file: string; readonly digest: string },
): Promise<Uint8Array> => {
  const path = join(directory, declared.file);
  const bytes = await readFile(path).catch((error: unknown) => {
    throw new ModelError("missing", `${path} cannot be read; publish the model again.`, {
      cause: error,
    });
  });
  const actual = digestOf(bytes);
  if (actual !== declared.digest) {
    throw new ModelError(
      "digest-mismatch",
      `${path} has ${actual} but ${declared.digest} is declared; copy it again or train again.`,
    );
  }
  return bytes;
};
