/*
 * The ceiling: the service's own pipeline (decode, pack, run) in a worker for each core, without HTTP. Takes tasks as
 * messages, and answers each with images per second.
 */
import { availableParallelism } from "node:os";
import { resolveModel } from "../../model/store.ts";
import { createPool } from "../../service/worker-pool/pool.ts";
import { readPhotos } from "./upload-bodies.ts";

/** The first task is `start`, the following ones measure. */
export type CeilingTask =
  | { readonly kind: "start"; readonly model: string; readonly photos: string | undefined }
  /** @param inFlight images under way at once */
  | { readonly kind: "measure"; readonly images: number; readonly inFlight: number };

const size = availableParallelism();
const pool = createPool({
  size,
  onFault: (_, error) => {
    throw error;
  },
});
const never = new AbortController().signal;
let files: Buffer[] = [];

const start = async (model: string, photos: string | undefined): Promise<number> => {
  files = await readPhotos(photos);
  await pool.use(await resolveModel(model, "fp32"));
  pool.grow();
  while (pool.ready() < size) await measure(size, size);
  return 0;
};

const measure = async (images: number, inFlight: number): Promise<number> => {
  let next = 0;
  const begun = performance.now();
  const one = async (): Promise<void> => {
    while (next < images) {
      const file = files[next++ % files.length];
      // A copy, as a request's body is memory of its own that goes to the worker.
      if (file) await pool.predict(new Uint8Array(file), never);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, one));
  return (images * 1000) / (performance.now() - begun);
};

process.on("message", (task: CeilingTask) => {
  const done =
    task.kind === "start" ? start(task.model, task.photos) : measure(task.images, task.inFlight);
  done.then(
    (rate) => process.send?.(rate),
    (error: unknown) => {
      process.stderr.write(`${error}\n`);
      process.exit(1);
    },
  );
});
// Without a parent there is nothing to measure for.
process.once("disconnect", () => process.exit(0));
