/*
 * The program of the thread that processes photos. It is not one of the pool's: a cut takes ten times as long as a
 * prediction, which would wait behind it.
 */
import { setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { createExplainer, type Explainer } from "../../model/activation-map.ts";
import { ImageError } from "../../model/image-error.ts";
import { ModelError } from "../../model/model-error.ts";
import { openReadOut, type ReadOut } from "../../model/read-out.ts";
import { type ModelReference, readModelFile } from "../../model/store.ts";
import { gatherEvidence } from "./evidence.ts";
import type { PhotoJob, PhotoReply, WorkerOptions } from "./messages.ts";
import { processPhoto, type Skills } from "./process-photo.ts";
import { openSaliencyModel, type SaliencyModel } from "./saliency-model.ts";
import { segmentByEvidence } from "./segment.ts";

/** Nicer than the pool's workers: predictions come first. */
const NICENESS = 10;

type Network = {
  readonly digest: string;
  readonly explainer: Explainer;
  readonly readOut: ReadOut | undefined;
};

const port = parentPort;
if (!port) throw new Error("worker.ts runs as a worker thread only");
const { config, segmenter } = workerData as WorkerOptions;

let network: Network | undefined;
let saliency: Promise<SaliencyModel> | undefined;

/** The network of the model that serves; another one's is released. */
const useNetwork = async (reference: ModelReference): Promise<Network> => {
  if (network?.digest === reference.digest) return network;
  const model = await readModelFile(reference);
  const readOut = await openReadOut(model, 1);
  const explainer = await createExplainer(model, 1).catch(async (error: unknown) => {
    await readOut?.release();
    throw error;
  });
  const before = network;
  network = { digest: reference.digest, explainer, readOut };
  await Promise.all([before?.explainer.release(), before?.readOut?.release()]);
  return network;
};

const skillsFor = (reference: ModelReference): Skills => ({
  config,
  look: async (picture) => gatherEvidence(picture, await useNetwork(reference)),
  segment: async (picture, look) => {
    if (segmenter === undefined) return segmentByEvidence(picture, look);
    saliency ??= openSaliencyModel(segmenter, 1);
    return (await saliency).segment(picture);
  },
});

const failure = (error: unknown): PhotoReply => ({
  type: "failed",
  message: error instanceof Error ? error.message : String(error),
  ...(error instanceof ImageError && { image: error.code }),
  ...(error instanceof ModelError && { model: error.code }),
});

const answer = async ({ request, model }: PhotoJob): Promise<void> => {
  const reply = await processPhoto(request, skillsFor(model)).then(
    (result): PhotoReply => ({ type: "processed", result }),
    failure,
  );
  const transfer =
    reply.type === "processed" && reply.result.picture ? [reply.result.picture.buffer] : [];
  port.postMessage(reply, transfer);
  // On Linux this sets the calling thread alone. Not before the first photo, for which everything is loaded.
  setPriority(NICENESS);
};

port.on("message", (job: PhotoJob) => void answer(job));
