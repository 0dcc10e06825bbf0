import { Worker } from "node:worker_threads";

// An image's garbage is small objects that hold large buffers: collect it often.
const LIMITS = { maxYoungGenerationSizeMb: 2 };

/** Starts a worker thread. @param program another program than worker.ts, for tests */
export const startWorker = (program = new URL("./worker.ts", import.meta.url)): Worker => {
  const worker = new Worker(program, { resourceLimits: LIMITS });
  // Its exit is what the pool acts on. Without any listener an early error would end the whole process.
  worker.on("error", () => undefined);
  return worker;
};
