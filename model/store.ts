import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { type ModelMetadata, modelMetadataSchema } from "./metadata.ts";
import { ModelError } from "./model-error.ts";
import {
  isMissing,
  METADATA_FILE,
  type ModelReference,
  readMetadataText,
  readOnnx,
  type StoredModel,
} from "./model-files.ts";
import { atPrecision, type Precision } from "./precision.ts";
import { writeFileAtomic, writeFilesAtomic } from "./write-atomic.ts";

/*
 * A model store is a directory:
 *
 *   current.json               {"digest":"sha256:…"}: the model to serve, by model.onnx; replaced atomically
 *   names/<name>.json          the same for a model that is offered by its name beside that one
 *   models/<64 hex digits>/    model.onnx, model.int8.onnx, what model.json names, golden/: written once, never changed
 *
 * A single model's directory (what `train --out DIR` writes) is read by the same functions: it has no current.json.
 */
const pointerSchema = z.strictObject({ digest: z.string().regex(/^sha256:[0-9a-f]{64}$/) });

const POINTER_FILE = "current.json";

/** The files of one model, by path relative to its directory. */
export type ModelFiles = Readonly<Record<string, Uint8Array | string>>;

const parse = <T>(path: string, text: string, schema: z.ZodType<T>): T => {
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    const reason =
      error instanceof z.ZodError ? z.prettifyError(error).replaceAll("\n", " ") : String(error);
    throw new ModelError("corrupt", `${path} is not usable (${reason}); train again.`, {
      cause: error,
    });
  }
};

/** The directory of a digest inside a store. */
export const modelDirectory = (store: string, digest: string): string =>
  join(store, "models", digest.slice("sha256:".length));

/** The pointer to the model that is offered by a name, beside the one to serve. */
const namePointer = (name: string): string => join("names", `${name}.json`);

const resolvePointer = async (store: string, file: string): Promise<ModelReference | undefined> => {
  const pointer = join(store, file);
  try {
    const { digest } = parse(pointer, await readFile(pointer, "utf8"), pointerSchema);
    return { directory: modelDirectory(store, digest), digest };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
};

/**
 * Which model a directory offers now: the store's pointer, or the directory itself when it holds a single model; and
 * which of its files.
 *
 * @param precision default: what `model.json` says
 * @throws ModelError `missing`, `corrupt` or `digest-mismatch`
 */
export const resolveModel = async (
  directory: string,
  precision?: Precision,
): Promise<ModelReference> => {
  const pointed = await resolvePointer(directory, POINTER_FILE);
  const home = pointed?.directory ?? directory;
  const metadata = await readMetadata(home);
  if (pointed && pointed.digest !== metadata.digest) {
    throw new ModelError(
      "digest-mismatch",
      `${home} declares ${metadata.digest} but is named by ${pointed.digest}; publish it again.`,
    );
  }
  return { directory: home, digest: atPrecision(metadata, precision).digest };
};

/**
 * Reads `model.json` of one model's directory.
 *
 * @throws ModelError `missing` or `corrupt`
 */
export const readMetadata = async (directory: string): Promise<ModelMetadata> => {
  const text = await readMetadataText(directory);
  return parse(join(directory, METADATA_FILE), text, modelMetadataSchema);
};

/**
 * Reads a file of a model, by its digest, and verifies it. The metadata is that of the file.
 *
 * @throws ModelError `missing`, `corrupt` or `digest-mismatch`
 */
export const readModelFile = async (reference: ModelReference): Promise<StoredModel> =>
  readOnnx(reference, await readMetadata(reference.directory));

/**
 * Reads the model that a directory offers and verifies it.
 *
 * @param precision default: what `model.json` says
 * @throws ModelError `missing`, `corrupt` or `digest-mismatch`
 */
export const readModel = async (directory: string, precision?: Precision): Promise<StoredModel> =>
  readModelFile(await resolveModel(directory, precision));

/**
 * Writes one model's files; `model.json` comes last, so that a directory with metadata is complete. A model that is there
 * already stays whole when they cannot be written.
 */
export const writeModel = (directory: string, files: ModelFiles): Promise<void> =>
  writeFilesAtomic(
    Object.entries(files)
      .sort(([a], [b]) => rank(a) - rank(b) || a.localeCompare(b))
      .map(([name, data]) => [join(directory, name), data] as const),
  );

const rank = (name: string): number => (name === METADATA_FILE ? 1 : 0);

/**
 * Adds a model to a store and makes it the one to serve. The old one stays, for a way back.
 *
 * @param name the model's; then the one to serve stays, and this one is offered beside it
 */
export const publishModel = async (
  store: string,
  files: ModelFiles,
  digest: string,
  name?: string,
): Promise<void> => {
  await writeModel(modelDirectory(store, digest), files);
  const pointer = name === undefined ? POINTER_FILE : namePointer(name);
  await writeFileAtomic(join(store, pointer), `${JSON.stringify({ digest })}\n`);
};

/** The model that a store offers by a name beside the one to serve; undefined when it offers none. @throws ModelError `corrupt` */
export const resolveName = (store: string, name: string): Promise<ModelReference | undefined> =>
  resolvePointer(store, namePointer(name));
