import { ImageError } from "../../model/image-error.ts";
import { ModelError } from "../../model/model-error.ts";
import type { Metrics } from "../metrics.ts";
import { WorkerCrashedError } from "../worker-pool/worker-crashed-error.ts";
import type { Outcome, Task } from "./job.ts";
import type { PredictPhoto } from "./predict-photo.ts";
import type { ProcessPhoto } from "./process-photo.ts";

/** One photo of a job, and what is done to it. */
export type WorkItem = {
  readonly task: Task;
  /** They are copied, because a worker takes what it is given and another attempt needs them. */
  readonly bytes: Uint8Array;
  /** The name for its picture, the same one in each attempt, so that the last picture replaces the others. */
  readonly outputName: string;
};

/** How photos of batches are computed and given up, both counted. */
export type PhotoWork = {
  /**
   * Computes a photo in the background.
   *
   * @returns an outcome that another attempt would not change
   * @throws what is worth another attempt, or the signal's reason
   */
  compute(item: WorkItem, signal: AbortSignal): Promise<Outcome>;
  /** The outcome of a photo that failed in every attempt. @param error of the last one */
  giveUp(error: unknown): Outcome;
};

const givenUp = (code: string, detail: string): Outcome => ({
  status: "failed",
  error: { code, detail, givenUp: true },
});

/** Does each task as its own function does it. */
export const createPhotoWork = (
  tasks: { readonly predict: PredictPhoto; readonly process: ProcessPhoto },
  metrics: Pick<Metrics, "failures" | "batchPhotos">,
): PhotoWork => ({
  compute: async ({ task, bytes, outputName }, signal) => {
    try {
      const outcome =
        task.kind === "predict"
          ? await tasks.predict(bytes, signal)
          : await tasks.process(task, bytes, outputName, signal);
      metrics.batchPhotos.inc({ outcome: "completed" });
      return outcome;
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      metrics.failures.inc({ reason: "decode" });
      metrics.batchPhotos.inc({ outcome: "failed" });
      const { code, message: detail } = error;
      return { status: "failed", error: { code, detail, givenUp: false } };
    }
  },
  giveUp: (error) => {
    metrics.failures.inc({ reason: "backend" });
    metrics.batchPhotos.inc({ outcome: "given-up" });
    // What was trained before there were feature maps in model.json: no attempt helps, and no other photo.
    if (error instanceof ModelError && error.code === "missing") {
      return givenUp("unsupported-model", error.message);
    }
    const code = error instanceof WorkerCrashedError ? "worker-crashed" : "internal";
    return givenUp(code, "The photo failed again and again; send it once more.");
  },
});
