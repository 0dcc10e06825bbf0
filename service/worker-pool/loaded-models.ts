import type { Explainer } from "../../model/activation-map.ts";
import { type Classifier, createClassifier } from "../../model/classifier.ts";
import { proveModel } from "../../model/golden.ts";
import type { ModelMetadata } from "../../model/metadata.ts";
import { type ModelReference, readCheckedModelFile } from "../../model/model-files.ts";
import { free } from "./free.ts";

/** A model in a worker. */
export type LoadedModel = {
  readonly classifier: Classifier;
  readonly reference: ModelReference;
  /** Work that was begun with it and has not ended. */
  pending: number;
  /** Opened when it is first asked for. */
  explainer?: Promise<Explainer>;
};

/** The models of a worker: the one that serves, and those beside it. One that nothing needs is released by itself. */
export type LoadedModels = {
  /** Begins to load the first model. What is wrong with it, the `load` that follows finds and says. */
  preload(reference: ModelReference): void;
  /**
   * Loads a model, and proves its answers where another one serves: the first one is proven from end to end, through the
   * service's own port.
   *
   * @param keep it stays loaded beside the one that serves until it is dropped
   * @throws ModelError
   */
  load(reference: ModelReference, keep: boolean): Promise<ModelMetadata>;
  /** Serves a loaded model from now on, and releases every other one that is not kept. */
  use(digest: string): void;
  /** Releases every model that neither serves nor is kept, the one that was loaded to be used included. */
  discard(): void;
  /** Keeps a model no longer. */
  drop(digest: string): void;
  /** @param digest of a model that is kept @default the one that serves */
  find(digest?: string): LoadedModel | undefined;
  /** Has a model stay until what was begun with it ends. @returns what tells that it has */
  hold(model: LoadedModel): () => void;
};

const prove = async (classifier: Classifier, directory: string): Promise<void> => {
  try {
    await proveModel(directory, classifier.metadata, async (picture) => {
      const [prediction] = await classifier.classify([await classifier.decode(picture)]);
      if (!prediction) throw new Error("the model gave no prediction");
      return prediction;
    });
  } catch (error) {
    await classifier.release();
    throw error;
  }
};

/** Creates the models of this worker: none yet. */
export const createLoadedModels = (): LoadedModels => {
  const models = new Map<string, LoadedModel>();
  const kept = new Set<string>();
  let current: LoadedModel | undefined;
  /** Loaded to be used next. It may have served before, and its last work of that time end meanwhile. */
  let next: LoadedModel | undefined;
  let preloading: Promise<unknown> = Promise.resolve();

  /** Reads, verifies and opens a model. @throws ModelError */
  const open = async ({ directory, digest }: ModelReference): Promise<LoadedModel> => {
    const stored = await readCheckedModelFile({ directory, digest });
    const classifier = await createClassifier(stored, 1);
    free(stored.onnx);
    if (current) await prove(classifier, directory);
    const model = { classifier, reference: { directory, digest }, pending: 0 };
    models.set(digest, model);
    return model;
  };

  const releaseUnused = (model: LoadedModel): void => {
    const { digest } = model.reference;
    if (model === current || model === next || kept.has(digest) || model.pending > 0) return;
    models.delete(digest);
    void model.classifier.release();
    model.explainer?.then((explainer) => explainer.release()).catch(() => undefined);
  };

  const discard = (): void => {
    next = undefined;
    for (const model of models.values()) releaseUnused(model);
  };

  return {
    preload: (reference) => {
      preloading = open(reference).catch(() => undefined);
    },
    load: async (reference, keep) => {
      await preloading;
      // One that is loaded, but whose answers were not the right ones, is to be proven again.
      const model = models.get(reference.digest) ?? (await open(reference));
      if (keep) kept.add(reference.digest);
      else next = model;
      return model.classifier.metadata;
    },
    use: (digest) => {
      current = models.get(digest);
      discard();
    },
    discard,
    drop: (digest) => {
      kept.delete(digest);
      const dropped = models.get(digest);
      if (dropped) releaseUnused(dropped);
    },
    find: (digest) => (digest === undefined ? current : models.get(digest)),
    hold: (model) => {
      model.pending += 1;
      return function letGo() {
        model.pending -= 1;
        // Itself alone: another one may have been loaded just now, and not be in use yet.
        releaseUnused(model);
      };
    },
  };
};
