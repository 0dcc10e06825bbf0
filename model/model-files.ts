import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { digestOf } from "./digest.ts";
import type { ModelMetadata } from "./metadata.ts";
import { ModelError } from "./model-error.ts";
import { atPrecision, type Precision } from "./precision.ts";

/*
 * The files of one model, without what checks model.json: the threads that open models are asked about those that the main thread
 * has checked, and the library that checks costs each of them fifty milliseconds of its start.
 */
const MODEL_FILES: Readonly<Record<Precision, string>> = {
  fp32: "model.onnx",
  int8: "model.int8.onnx",
};
export const METADATA_FILE = "model.json";

/** A file of a model: the model's directory, and the file's digest. */
export type ModelReference = { readonly directory: string; readonly digest: string };

/** A verified model: the bytes match the digest in the metadata. */
export type StoredModel = {
  readonly directory: string;
  readonly metadata: ModelMetadata;
  readonly onnx: Uint8Array;
};

/** Whether a file is not there. */
export const isMissing = (error: unknown): boolean =>
  error instanceof Error && "code" in error && error.code === "ENOENT";

const read = async (path: string): Promise<Buffer> => {
  try {
    return await readFile(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
    throw new ModelError("missing", `${path} is missing; train a model first (make train).`, {
      cause: error,
    });
  }
};

/** The text of `model.json`. @throws ModelError `missing` */
export const readMetadataText = async (directory: string): Promise<string> =>
  (await read(join(directory, METADATA_FILE))).toString("utf8");

/**
 * Reads a file of a model, by its digest, and verifies it. The metadata becomes that of the file.
 *
 * @param declared what the directory's `model.json` says
 * @throws ModelError `missing` or `digest-mismatch`
 */
export const readOnnx = async (
  { directory, digest }: ModelReference,
  declared: ModelMetadata,
): Promise<StoredModel> => {
  const precision = declared.int8?.digest === digest ? "int8" : "fp32";
  const metadata = atPrecision(declared, precision);
  const path = join(directory, MODEL_FILES[precision]);
  const onnx = await read(path);
  const actual = digestOf(onnx);
  if (actual !== metadata.digest || actual !== digest) {
    throw new ModelError(
      "digest-mismatch",
      `${path} has ${actual} but ${metadata.digest} is declared; copy it again or train again.`,
    );
  }
  return { directory, metadata, onnx };
};

/**
 * Reads a file of a model whose `model.json` somebody has checked already, as `resolveModel` does: here it is taken as it is.
 *
 * @throws ModelError `missing` or `digest-mismatch`
 */
export const readCheckedModelFile = async (reference: ModelReference): Promise<StoredModel> =>
  readOnnx(reference, JSON.parse(await readMetadataText(reference.directory)) as ModelMetadata);
