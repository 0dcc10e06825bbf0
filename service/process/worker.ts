/*
 * The program of the thread that processes photos. It is not one of the pool's: finding a foreground takes ten times as
 * long as a prediction, which would wait behind it.
 */
import { setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { ImageError } from "../../model/image-error.ts";
import { ModelError } from "../../model/model-error.ts";
import type { ModelReference } from "../../model/model-files.ts";
import type { EndRequest } from "../worker-pool/end-worker.ts";
import type { PhotoJob, PhotoReply, WorkerOptions } from "./messages.ts";
import { createNetworks, type Networks } from "./networks.ts";
import { processPhoto } from "./process-photo.ts";

/** Nicer than the pool's workers: predictions come first. */
const NICENESS = 19;

const port = parentPort;
if (!port) throw new Error("worker.ts runs as a worker thread only");
const { config, segmenter } = workerData as WorkerOptions;

let current: { readonly digest: string; readonly networks: Networks } | undefined;

/** The networks of the model that serves; another one's are released. */
const useNetworks = async (reference: ModelReference): Promise<Networks> => {
  const before = current;
  if (before?.digest === reference.digest) return before.networks;
  const networks = createNetworks(reference, segmenter);
  current = { digest: reference.digest, networks };
  await before?.networks.release();
  return networks;
};

const failure = (error: unknown): PhotoReply => ({
  type: "failed",
  message: error instanceof Error ? error.message : String(error),
  ...(error instanceof ImageError && { image: error.code }),
  ...(error instanceof ModelError && { model: error.code }),
});

const answer = async ({ request, model }: PhotoJob): Promise<void> => {
  const reply = await useNetworks(model)
    .then((networks) => processPhoto(request, { config, ...networks }))
    .then((result): PhotoReply => ({ type: "processed", result }), failure);
  const transfer =
    reply.type === "processed" && reply.result.picture ? [reply.result.picture.buffer] : [];
  port.postMessage(reply, transfer);
  // On Linux this sets the calling thread alone. Not before the first photo, for which everything is loaded.
  setPriority(NICENESS);
};

port.on("message", (message: PhotoJob | EndRequest) => {
  // In a worker this ends the thread alone.
  if ("type" in message) process.exit();
  void answer(message);
});
