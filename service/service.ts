import type { Worker } from "node:worker_threads";
import { resolveModel } from "../model/store.ts";
import type { Frontend, FrontendOptions } from "./frontend.ts";
import type { WorkerRequest } from "./worker-pool/messages.ts";
import { createPool } from "./worker-pool/pool.ts";
import { startWorker } from "./worker-pool/start-worker.ts";

export type Service = {
  /** Drains and ends everything. @param delaySeconds how long it still takes requests */
  stop(delaySeconds: number): Promise<void>;
};

export type ServiceOptions = Omit<FrontendOptions, "pool"> & {
  /** The first worker, which was started before anything else. */
  readonly firstWorker: Worker;
};

/** Starts the service. @throws the socket's error, such as EADDRINUSE */
export const startService = async (options: ServiceOptions): Promise<Service> => {
  const { settings, log, firstWorker } = options;
  // It begins with the model while this thread does the rest. The watcher asks for it again, and says what is wrong with it.
  const offered = await resolveModel(settings.MODEL_DIR, settings.PRECISION).catch(() => undefined);
  if (offered) firstWorker.postMessage({ type: "preload", ...offered } satisfies WorkerRequest);
  let first: Worker | undefined = firstWorker;
  let frontend: Frontend | undefined;
  const pool = createPool({
    size: settings.WORKERS,
    start: () => {
      // One that has ended already has no thread any more.
      const worker = first && first.threadId >= 0 ? first : startWorker();
      first = undefined;
      return worker;
    },
    onFault: (fault, error) => {
      frontend?.metrics.workerFaults.inc({ fault });
      log.error({ err: error, fault }, "a worker is replaced");
    },
  });
  try {
    // Not a static import: this thread compiles the rest while the worker starts.
    const { startFrontend } = await import("./frontend.ts");
    frontend = await startFrontend({ ...options, pool });
  } catch (error) {
    await pool.stop();
    throw error;
  }
  const { drain } = frontend;
  return {
    stop: async (delaySeconds) => {
      await drain(delaySeconds);
      await pool.stop();
      log.info("stopped");
    },
  };
};
