import { readFile } from "node:fs/promises";
import { createExplainer } from "../../model/activation-map.ts";
import { readFileBeside } from "../../model/file-beside.ts";
import { ModelError } from "../../model/model-error.ts";
import type { ModelReference } from "../../model/model-files.ts";
import { openReadOut } from "../../model/read-out.ts";
import { readMetadata, readModelFile } from "../../model/store.ts";
import { type Picture, scale } from "./picture.ts";
import type { Skills } from "./process-photo.ts";
import { openSegmenter, type Segmenter } from "./segmenter.ts";

/** The networks that a model came with; each is opened when a step first asks for it. */
export type Networks = Pick<Skills, "classify" | "segment"> & {
  readonly release: () => Promise<void>;
};

type Closable = { readonly release: () => Promise<void> };
type Classifier = Closable & Pick<Skills, "classify">;

const softmax = (logits: Float32Array): Float32Array => {
  const highest = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const powers = logits.map((value) => Math.exp(value - highest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
};

/** Opens the model itself with the backbone's own classifier behind its features. @throws ModelError */
const openClassifier = async (reference: ModelReference): Promise<Classifier> => {
  const model = await readModelFile(reference);
  const readOut = await openReadOut(model, 1);
  const explainer = await createExplainer(model, 1).catch(async (error: unknown) => {
    await readOut?.release();
    throw error;
  });
  const side = model.metadata.preprocessing.inputSize;
  return {
    classify: async (picture: Picture) => {
      const { data } = await scale(picture, { width: side, height: side });
      const [logits] = (await readOut?.read(await explainer.explain([data]))) ?? [];
      return logits && softmax(logits);
    },
    release: async () => {
      await Promise.all([readOut?.release(), explainer.release()]);
    },
  };
};

/**
 * Opens the network that finds foregrounds: the one that came with the model, or another.
 *
 * @throws ModelError `missing` when there is none, or another
 */
const openForeground = async (
  { directory }: ModelReference,
  path: string | undefined,
): Promise<Segmenter> => {
  if (path !== undefined) {
    const onnx = await readFile(path).catch((error: unknown) => {
      throw new ModelError("missing", `${path} cannot be read; check SEGMENTER_MODEL.`, {
        cause: error,
      });
    });
    return openSegmenter(onnx, path, 1);
  }
  const { segmenter, version } = await readMetadata(directory);
  if (!segmenter) {
    throw new ModelError(
      "missing",
      `model ${version} is of an older training and finds no foreground; train again.`,
    );
  }
  return openSegmenter(await readFileBeside(directory, segmenter), segmenter.file, 1);
};

/** Opens once, and again after a failure. */
const once = <T extends Closable>(open: () => Promise<T>) => {
  let opening: Promise<T> | undefined;
  return {
    get: (): Promise<T> => {
      opening ??= open().catch((error: unknown) => {
        opening = undefined;
        throw error;
      });
      return opening;
    },
    release: async () => {
      await (await opening)?.release();
    },
  };
};

/**
 * The networks for a model.
 *
 * @param path of the ONNX file of SEGMENTER_MODEL, which finds foregrounds instead of the model's own
 */
export const createNetworks = (reference: ModelReference, path: string | undefined): Networks => {
  const classifier = once(() => openClassifier(reference));
  const segmenter = once(() => openForeground(reference, path));
  return {
    classify: async (picture) => (await classifier.get()).classify(picture),
    segment: async (picture) => (await segmenter.get()).segment(picture),
    release: async () => {
      await Promise.all([classifier.release(), segmenter.release()]);
    },
  };
};
