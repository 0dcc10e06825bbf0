/*
 * The worker thread's program: it owns the ONNX Runtime sessions and the decode. `session.run()` blocks its thread, so
 * it must never happen on the thread that serves HTTP.
 */
import { setPriority } from "node:os";
import { parentPort } from "node:worker_threads";
import { createExplainer, type Explainer } from "../../model/activation-map.ts";
import { type Classifier, createClassifier } from "../../model/classifier.ts";
import { proveModel } from "../../model/golden.ts";
import { ImageError } from "../../model/image-error.ts";
import { ModelError } from "../../model/model-error.ts";
import { type ModelReference, readCheckedModelFile } from "../../model/model-files.ts";
import { project } from "../../model/projection.ts";
import { TensorError } from "../inference-protocol/tensor-error.ts";
import type { Extras, Priority, Results, Work, WorkerReply, WorkerRequest } from "./messages.ts";
import { createRunQueue } from "./run-queue.ts";

/** How much nicer than the main thread: a /livez or a refusal need not wait for a core that computes. */
const NICENESS = 5;

type Loaded = {
  readonly classifier: Classifier;
  readonly reference: ModelReference;
  readonly digest: string;
  pending: number;
  /** Opened when it is first asked for. */
  explainer?: Promise<Explainer>;
};
type Job = { readonly id: number; readonly digest?: string; readonly priority: Priority };

const port = parentPort;
if (!port) throw new Error("worker.ts runs as a worker thread only");

const models = new Map<string, Loaded>();
/** Digests of models that stay loaded beside the one that serves. */
const kept = new Set<string>();
let current: Loaded | undefined;
const decoded = createRunQueue();
/** Work that is not answered yet, and whether anybody still waits for it. */
const wanted = new Map<number, boolean>();

/** Gives memory back at once. The collector would wait, because it sees how little its own heap has grown. */
const free = ({ buffer }: Uint8Array | Float32Array): void => {
  // A small one may lie in the pool that Node shares among all small buffers of this thread.
  if (buffer instanceof ArrayBuffer && buffer.byteLength > Buffer.poolSize) buffer.transfer(0);
};

const reply = (message: WorkerReply): void => port.postMessage(message);

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

/** Reads, verifies and opens a model. @throws ModelError */
const open = async ({ directory, digest }: ModelReference): Promise<Loaded> => {
  const stored = await readCheckedModelFile({ directory, digest });
  const classifier = await createClassifier(stored, 1);
  free(stored.onnx);
  // The first model is proven from end to end, through the service's own port.
  if (current) await prove(classifier, directory);
  const model = { classifier, reference: { directory, digest }, digest, pending: 0 };
  models.set(digest, model);
  return model;
};

let preloading: Promise<unknown> = Promise.resolve();

/** What is wrong with the model, the `load` that follows finds and says. */
const preload = (reference: ModelReference): Promise<unknown> =>
  open(reference).catch(() => undefined);

const load = async ({
  keep,
  ...reference
}: ModelReference & { readonly keep: boolean }): Promise<void> => {
  try {
    await preloading;
    // One that is loaded, but whose answers were not the right ones, is to be proven again.
    const { classifier, digest } = models.get(reference.digest) ?? (await open(reference));
    if (keep) kept.add(digest);
    reply({ type: "loaded", metadata: classifier.metadata });
  } catch (error) {
    const code = error instanceof ModelError ? error.code : "corrupt";
    const message = error instanceof Error ? error.message : String(error);
    reply({ type: "refused", code, message });
  }
};

/** Releases a model that is neither served nor kept nor still computing; called again when its last prediction ends. */
const releaseUnused = (model: Loaded): void => {
  if (model === current || kept.has(model.digest) || model.pending > 0) return;
  models.delete(model.digest);
  void model.classifier.release();
  model.explainer?.then((explainer) => explainer.release()).catch(() => undefined);
};

const releaseOthers = (): void => {
  for (const model of models.values()) releaseUnused(model);
};

const fail = (id: number, error: unknown): void => {
  wanted.delete(id);
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof ImageError ? error.code : undefined;
  const blamed = error instanceof TensorError ? "bad-tensor" : code;
  reply({ type: "failed", id, message, ...(blamed && { code: blamed }) });
};

/** @throws Error when nobody waits for the work any more */
const checkWanted = (id: number): void => {
  if (!wanted.get(id)) throw new Error("nobody waits for the answer any more");
};

/** Reads the work's input, and lets the network have it in its turn. */
const compute = async <Input>(
  { id, digest, priority }: Job,
  read: (classifier: Classifier) => Input | Promise<Input>,
  infer: (model: Loaded, input: Input) => Promise<Results[Work["type"]]>,
): Promise<void> => {
  const model = digest === undefined ? current : models.get(digest);
  if (!model) return fail(id, new Error("the model is not loaded"));
  model.pending += 1;
  wanted.set(id, true);
  const finish = (): void => {
    model.pending -= 1;
    // Itself alone: another one may have been loaded just now, and not be in use yet.
    releaseUnused(model);
  };
  try {
    const begun = performance.now();
    const input = await read(model.classifier);
    const ready = performance.now();
    const run = async (): Promise<void> => {
      try {
        checkWanted(id);
        const started = performance.now();
        const result = await infer(model, input);
        const times = {
          decode: ready - begun,
          queue: started - ready,
          infer: performance.now() - started,
        };
        wanted.delete(id);
        reply({ type: "answer", id, answer: { ...result, digest: model.digest, times } });
      } catch (error) {
        fail(id, error);
      } finally {
        finish();
      }
    };
    decoded.add(run, priority);
  } catch (error) {
    fail(id, error);
    finish();
  }
};

const openExplainer = async (reference: ModelReference): Promise<Explainer> => {
  const stored = await readCheckedModelFile(reference);
  const explainer = await createExplainer(stored, 1);
  free(stored.onnx);
  return explainer;
};

/** The prediction with what is asked beside it, both from one run. @throws ModelError when the model cannot explain itself */
const explain = async (
  model: Loaded,
  pixels: Uint8Array,
  extras: Extras,
): Promise<Results["predict"]> => {
  model.explainer ??= openExplainer(model.reference);
  const explainer = await model.explainer.catch((error: unknown) => {
    delete model.explainer;
    throw error;
  });
  const [explanation] = await explainer.explain([pixels]);
  if (!explanation) throw new Error("the model gave no explanation");
  const { prediction, map, embedding } = explanation;
  return {
    prediction,
    ...(extras.map && { map }),
    ...(extras.projections && { projections: project(embedding) }),
  };
};

const classify = async (model: Loaded, pixels: Uint8Array): Promise<Results["predict"]> => {
  const [prediction] = await model.classifier.classify([pixels]);
  if (!prediction) throw new Error("the model gave no prediction");
  return { prediction };
};

/** A photo's answer. What only watches the model is no reason to answer nothing. */
const answerPhoto = (
  model: Loaded,
  pixels: Uint8Array,
  extras: Extras | undefined,
): Promise<Results["predict"]> => {
  if (!extras) return classify(model, pixels);
  const explained = explain(model, pixels, extras);
  return extras.map ? explained : explained.catch(() => classify(model, pixels));
};

type Request<Kind extends Work["type"]> = Extract<WorkerRequest, { type: Kind }>;

const predict = (request: Request<"predict">): Promise<void> =>
  compute(
    request,
    async (classifier) => {
      const pixels = await classifier.decode(request.image);
      free(request.image);
      return pixels;
    },
    async (model, pixels) => {
      const answer = await answerPhoto(model, pixels, request.extras);
      free(pixels);
      return answer;
    },
  );

const infer = (request: Request<"infer">): Promise<void> =>
  compute(
    request,
    async ({ metadata }) => {
      // Not a static import: it brings the library that checks requests, which nothing else here needs.
      const { readInferenceRequest } = await import("../inference-protocol/read-request.ts");
      const read = readInferenceRequest(request, metadata);
      free(request.body);
      return read;
    },
    async ({ classifier }, { tensor, asked }) => {
      const predictions = await classifier.classifyTensor(tensor);
      free(tensor);
      // Infinities and what is no number at all pass through a network; JSON has no word for them.
      if (predictions.some(({ probability }) => !Number.isFinite(probability))) {
        throw new TensorError("The model has no answer to these values; see its preprocessing.");
      }
      return { predictions, asked };
    },
  );

port.on("message", (request: WorkerRequest) => {
  switch (request.type) {
    case "preload":
      preloading = preload(request);
      break;
    case "load":
      void load(request);
      break;
    case "use":
      // On Linux this sets the calling thread alone. Not at the start, which should be over soon.
      if (!current) setPriority(NICENESS);
      current = models.get(request.digest);
      releaseOthers();
      break;
    case "discard":
      releaseOthers();
      break;
    case "drop": {
      kept.delete(request.digest);
      const dropped = models.get(request.digest);
      if (dropped) releaseUnused(dropped);
      break;
    }
    case "predict":
      void predict(request);
      break;
    case "infer":
      void infer(request);
      break;
    case "end":
      // In a worker this ends the thread alone.
      return process.exit();
    case "cancel":
      if (wanted.has(request.id)) wanted.set(request.id, false);
      break;
  }
});
