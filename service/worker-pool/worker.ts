/*
 * The worker thread's program: it owns the ONNX Runtime sessions and the decode. `session.run()` blocks its thread, so
 * it must never happen on the thread that serves HTTP.
 */
import { setPriority } from "node:os";
import { parentPort } from "node:worker_threads";
import type { Classifier } from "../../model/classifier.ts";
import { ImageError } from "../../model/image-error.ts";
import { ModelError } from "../../model/model-error.ts";
import { TensorError } from "../inference-protocol/tensor-error.ts";
import { answerPhoto } from "./answer-photo.ts";
import { free } from "./free.ts";
import { createLoadedModels, type LoadedModel } from "./loaded-models.ts";
import type { Priority, Results, Work, WorkerReply, WorkerRequest } from "./messages.ts";
import { createRunQueue } from "./run-queue.ts";

/**
 * How much nicer than the main thread: a /livez or a refusal need not wait for a core that computes. With 5, a worker still had
 * a quarter of a core that both wanted.
 */
const NICENESS = 15;

type Job = { readonly id: number; readonly digest?: string; readonly priority: Priority };

const port = parentPort;
if (!port) throw new Error("worker.ts runs as a worker thread only");

const models = createLoadedModels();
const decoded = createRunQueue();
/** Work that is not answered yet, and whether anybody still waits for it. */
const wanted = new Map<number, boolean>();

const reply = (message: WorkerReply): void => port.postMessage(message);

const load = async ({
  keep,
  ...reference
}: Extract<WorkerRequest, { type: "load" }>): Promise<void> => {
  try {
    reply({ type: "loaded", metadata: await models.load(reference, keep) });
  } catch (error) {
    const code = error instanceof ModelError ? error.code : "corrupt";
    const message = error instanceof Error ? error.message : String(error);
    reply({ type: "refused", code, message });
  }
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

/** What is done for a piece of work. */
type Steps<Input> = {
  readonly read: (classifier: Classifier) => Input | Promise<Input>;
  readonly infer: (model: LoadedModel, input: Input) => Promise<Results[Work["type"]]>;
  /** Gives the input's memory back, also of one that nobody wanted any more. */
  readonly release: (input: Input) => void;
};

/** Reads the work's input, and lets the network have it in its turn. */
const compute = async <Input>(
  { id, digest, priority }: Job,
  { read, infer, release }: Steps<Input>,
): Promise<void> => {
  const model = models.find(digest);
  if (!model) return fail(id, new Error("the model is not loaded"));
  const letGo = models.hold(model);
  wanted.set(id, true);
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
        reply({ type: "answer", id, answer: { ...result, digest: model.reference.digest, times } });
      } catch (error) {
        fail(id, error);
      } finally {
        release(input);
        letGo();
      }
    };
    decoded.add(run, priority);
  } catch (error) {
    fail(id, error);
    letGo();
  }
};

type Request<Kind extends Work["type"]> = Extract<WorkerRequest, { type: Kind }>;

const predict = (request: Request<"predict">): Promise<void> =>
  compute(request, {
    read: async (classifier) => {
      const pixels = await classifier.decode(request.image);
      free(request.image);
      return pixels;
    },
    infer: (model, pixels) => answerPhoto(model, pixels, request.extras),
    release: free,
  });

const infer = (request: Request<"infer">): Promise<void> =>
  compute(request, {
    read: async ({ metadata }) => {
      // Not a static import: it brings the library that checks requests, which nothing else here needs.
      const { readInferenceRequest } = await import("../inference-protocol/read-request.ts");
      const read = readInferenceRequest(request, metadata);
      free(request.body);
      return read;
    },
    infer: async ({ classifier }, { tensor, asked }) => {
      const predictions = await classifier.classifyTensor(tensor);
      // Infinities and what is no number at all pass through a network; JSON has no word for them.
      if (predictions.some(({ probability }) => !Number.isFinite(probability))) {
        throw new TensorError("The model has no answer to these values; see its preprocessing.");
      }
      return { predictions, asked };
    },
    release: ({ tensor }) => free(tensor),
  });

port.on("message", (request: WorkerRequest) => {
  switch (request.type) {
    case "preload":
      models.preload(request);
      break;
    case "load":
      void load(request);
      break;
    case "use":
      // On Linux this sets the calling thread alone. Not at the start, which should be over soon.
      if (!models.find()) setPriority(NICENESS);
      models.use(request.digest);
      break;
    case "discard":
      models.discard();
      break;
    case "drop":
      models.drop(request.digest);
      break;
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
