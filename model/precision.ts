import type { ModelMetadata } from "./metadata.ts";
import { ModelError } from "./model-error.ts";

/** The forms of a network that a model's directory may hold. */
export const PRECISIONS = ["fp32", "int8"] as const;
export type Precision = (typeof PRECISIONS)[number];

/** Short name of a file for people: the first 12 digits of its digest. */
export const versionOf = (digest: string): string =>
  digest.slice("sha256:".length, "sha256:".length + 12);

/**
 * `model.json` as it is true of the file of one precision: digest, version, figures, and what the golden pictures get. An
 * int8 file of an older training has no figures: then they stay those of fp32, see {@link testedPrecision}.
 *
 * @param precision default: what `model.json` says
 * @throws ModelError `missing` when the model has no such file
 */
export const atPrecision = (metadata: ModelMetadata, precision?: Precision): ModelMetadata => {
  const { int8 } = metadata;
  if ((precision ?? (int8?.byDefault ? "int8" : "fp32")) === "fp32") return metadata;
  if (!int8) {
    throw new ModelError(
      "missing",
      `model ${metadata.version} has no int8 file; train again, or do not ask for int8.`,
    );
  }
  const { digest, golden, metrics = metadata.metrics } = int8;
  return { ...metadata, digest, version: versionOf(digest), metrics, golden };
};

/** Of which file `metrics` are in what {@link atPrecision} gave. */
export const testedPrecision = ({ digest, int8 }: ModelMetadata): Precision =>
  digest === int8?.digest && int8.metrics ? "int8" : "fp32";
