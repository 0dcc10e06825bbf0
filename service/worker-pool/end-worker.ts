import { once } from "node:events";
import type { Worker } from "node:worker_threads";

/** For what a worker computes or opens; nothing of that takes longer. */
const GRACE_MS = 10_000;

/** What {@link endWorker} sends: end this thread, once what runs has ended. */
export type EndRequest = { readonly type: "end" };

/**
 * Has a worker end itself. Terminated in the middle of a native call it would take the whole process along: ONNX Runtime's binding
 * cannot give its result to a thread that may run no JavaScript any more, and aborts. Only one that does not listen is terminated.
 */
export const endWorker = async (worker: Worker, graceMs = GRACE_MS): Promise<void> => {
  if (worker.threadId < 0) return;
  const request: EndRequest = { type: "end" };
  worker.postMessage(request);
  const terminating = setTimeout(() => void worker.terminate(), graceMs);
  await once(worker, "exit");
  clearTimeout(terminating);
};
