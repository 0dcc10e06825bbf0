import { enableCompileCache } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

// Each thread compiles the same modules again at each start. With the results of an earlier start that takes half of
// the time and a good deal less memory. Workers read the variable; the image brings a cache of its own.
process.env["NODE_COMPILE_CACHE"] ??= join(tmpdir(), "node-compile-cache");
enableCompileCache();

// No static imports: those would be compiled before the first line runs. A worker takes longest to start: it goes first.
const start = async (): Promise<void> => {
  const { startWorker } = await import("./worker-pool/start-worker.ts");
  const firstWorker = startWorker();
  const { runCommandLine } = await import("./command-line.ts");
  runCommandLine(firstWorker);
};
void start();
