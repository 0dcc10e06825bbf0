/*
 * The ceiling: the service's own pipeline (decode, pack, run) in a worker for each core, without HTTP. Takes its task as a
 * message, and answers with images per second.
 */
import { availableParallelism } from "node:os";
import { resolveModel } from "../../model/store.ts";
import { createPool } from "../../service/worker-pool/pool.ts";
import { readPhotos } from "./upload-bodies.ts";

export type CeilingTask = {
  readonly model: string;
  readonly photos: string | undefined;
  readonly images: number;
  /** Images under way at once. */
  readonly inFlight: number;
};

const run = async ({ model, photos, images, inFlight }: CeilingTask): Promise<number> => {
  const size = availableParallelism();
  const pool = createPool({
    size,
    onFault: (_, error) => {
      throw error;
    },
  });
  await pool.use(await resolveModel(model));
  const files = await readPhotos(photos, 200);
  const never = new AbortController().signal;
  const measure = async (count: number): Promise<number> => {
    let next = 0;
    const begun = performance.now();
    const one = async (): Promise<void> => {
      while (next < count) {
        const file = files[next++ % files.length];
        // A copy, as a request's body is memory of its own that goes to the worker.
        if (file) await pool.predict(new Uint8Array(file), never);
      }
    };
    await Promise.all(Array.from({ length: inFlight }, one));
    return (count * 1000) / (performance.now() - begun);
  };
  while (pool.ready() < size) await measure(inFlight);
  await measure(4 * inFlight);
  const rate = await measure(images);
  await pool.stop();
  return rate;
};

process.once("message", (task: CeilingTask) => {
  run(task).then(
    (rate) => process.send?.(rate, () => process.disconnect()),
    (error: unknown) => {
      process.stderr.write(`${error}\n`);
      process.exit(1);
    },
  );
});
