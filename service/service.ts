import type { Frontend, FrontendOptions } from "./frontend.ts";
import { createPool } from "./worker-pool/pool.ts";

export type Service = {
  /** Drains and ends everything. @param delaySeconds how long it still takes requests */
  stop(delaySeconds: number): Promise<void>;
};

export type ServiceOptions = Omit<FrontendOptions, "pool">;

/** Starts the service. @throws the socket's error, such as EADDRINUSE */
export const startService = async (options: ServiceOptions): Promise<Service> => {
  const { settings, log } = options;
  let frontend: Frontend | undefined;
  const pool = createPool({
    size: settings.WORKERS,
    onFault: (fault, error) => {
      frontend?.metrics.workerFaults.inc({ fault });
      log.error({ err: error, fault }, "a worker is replaced");
    },
  });
  try {
    // Not a static import: the workers take longest to start, and do so while this thread compiles the rest.
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
