import { Worker } from "node:worker_threads";
import { ImageError } from "../../model/image-error.ts";
import { ModelError } from "../../model/model-error.ts";
import type { ModelReference } from "../../model/model-files.ts";
import { endWorker } from "../worker-pool/end-worker.ts";
import { WorkerCrashedError } from "../worker-pool/worker-crashed-error.ts";
import type { PhotoReply, WorkerOptions } from "./messages.ts";
import type { Processed, ProcessRequest } from "./process-photo.ts";

export type ProcessorOptions = WorkerOptions & {
  /** Threads, each started when there is work for it and then kept. */
  readonly size: number;
  /** Told about each thread that ended without being asked to. */
  readonly onFault: (error: unknown) => void;
  /** Starts a thread. @default worker.ts */
  readonly start?: (options: WorkerOptions) => Worker;
  /** @default 10,000 */
  readonly graceMs?: number;
  /** For a photo in the background, which no deadline ends. @default 600,000 */
  readonly longestMs?: number;
};

/** Threads that process photos. Until the first photo comes there are none. */
export type Processor = {
  /**
   * Processes a photo, whose buffer is handed over and empty afterwards. What is in the background waits until nothing else
   * does. Aborting the signal rejects with its reason at once; what no thread has begun is not begun.
   *
   * @throws ImageError, ModelError, WorkerCrashedError, or the signal's reason
   */
  process(
    request: ProcessRequest,
    model: ModelReference,
    signal: AbortSignal,
    options?: { readonly priority?: "background" },
  ): Promise<Processed>;
  stop(): Promise<void>;
};

/** How long a thread may go on with a photo that nobody waits for any more, in milliseconds, before it is ended. */
const GRACE_MS = 10_000;
/** How long a thread may have a photo in the background: hundreds of times as long as one takes beside others, in milliseconds. */
const LONGEST_MS = 600_000;

type Job = {
  readonly request: ProcessRequest;
  readonly model: ModelReference;
  readonly resolve: (result: Processed) => void;
  readonly reject: (error: unknown) => void;
};
type Member = {
  readonly worker: Worker;
  job: Job | undefined;
  /** Ends the thread. */
  overdue: NodeJS.Timeout | undefined;
};

const startWorker = (options: WorkerOptions): Worker =>
  new Worker(new URL("./worker.ts", import.meta.url), { workerData: options });

const errorOf = ({ message, image, model }: Extract<PhotoReply, { type: "failed" }>): Error => {
  if (image) return new ImageError(image, message);
  return model ? new ModelError(model, message) : new Error(message);
};

/** Creates a processor; it starts nothing yet. */
export const createProcessor = (options: ProcessorOptions): Processor => {
  const { size, onFault, start = startWorker, ...rest } = options;
  const { graceMs = GRACE_MS, longestMs = LONGEST_MS, ...workerOptions } = rest;
  const members = new Set<Member>();
  const interactive = new Set<Job>();
  const background = new Set<Job>();
  let stopping = false;

  const dispatch = (): void => {
    for (const job of [...interactive, ...background]) {
      let idle = [...members].find((member) => !member.job);
      if (!idle && members.size < size) idle = add();
      if (!idle) return;
      interactive.delete(job);
      idle.job = job;
      if (background.delete(job)) idle.overdue = setTimeout(endIfBusyWith, longestMs, job).unref();
      idle.worker.postMessage({ request: job.request, model: job.model }, [
        job.request.image.buffer,
      ]);
    }
  };

  const add = (): Member => {
    const member: Member = { worker: start(workerOptions), job: undefined, overdue: undefined };
    members.add(member);
    let cause: unknown;
    member.worker.on("message", (reply: PhotoReply) => {
      const { job } = member;
      clearTimeout(member.overdue);
      member.job = undefined;
      if (reply.type === "failed") job?.reject(errorOf(reply));
      else job?.resolve(reply.result);
      dispatch();
    });
    member.worker.on("error", (error) => {
      cause = error;
    });
    member.worker.on("exit", (code) => {
      members.delete(member);
      if (stopping) return;
      const crash = new WorkerCrashedError(`A worker ended with exit code ${code}.`, { cause });
      member.job?.reject(crash);
      onFault(cause ?? crash);
      dispatch();
    });
    // No reason for the process to go on when everything else has ended.
    member.worker.unref();
    return member;
  };

  /** Ends a thread that is not done by now: one photo without an end would keep every later one waiting. */
  const endIfBusyWith = (job: Job): void => {
    for (const { job: held, worker } of members) if (held === job) void endWorker(worker, graceMs);
  };

  return {
    process: (request, model, signal, { priority } = {}) =>
      new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        const job: Job = { request, model, resolve, reject };
        const queue = priority === "background" ? background : interactive;
        signal.addEventListener(
          "abort",
          () => {
            reject(signal.reason);
            if (queue.delete(job)) return;
            setTimeout(endIfBusyWith, graceMs, job).unref();
          },
          { once: true },
        );
        queue.add(job);
        dispatch();
      }),
    stop: async () => {
      stopping = true;
      await Promise.all([...members].map(({ worker }) => endWorker(worker)));
    },
  };
};
