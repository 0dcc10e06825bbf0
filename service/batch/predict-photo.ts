import { ImageError } from "../../model/image-error.ts";
import type { Drift } from "../drift/drift.ts";
import type { Metrics } from "../metrics.ts";
import type { Sampling } from "../sampling/sampling.ts";
import type { Pool } from "../worker-pool/pool.ts";
import { WorkerCrashedError } from "../worker-pool/worker-crashed-error.ts";
import type { Outcome } from "./job.ts";

/** How photos of batches are predicted and given up, both counted. */
export type PhotoPrediction = {
  /**
   * Predicts a photo in the background of the pool. The bytes are copied, because a worker takes what it is given and
   * another attempt needs them.
   *
   * @returns an outcome that another attempt would not change
   * @throws what is worth another attempt, or the signal's reason
   */
  predict(bytes: Uint8Array, signal: AbortSignal): Promise<Outcome>;
  /** The outcome of a photo that failed in every attempt. @param error of the last one */
  giveUp(error: unknown): Outcome;
};

/** What else sees photos, as it sees those of `/predict`. Each is off when it is not there. */
type Watchers = {
  readonly drift?: Pick<Drift, "wantsEmbedding" | "record">;
  readonly sampling?: Pick<Sampling, "wants" | "keep">;
};

/** Counts what it predicts as every other prediction is counted, but for its times: batches are meant to wait. */
export const createPhotoPrediction = (
  pool: Pick<Pool, "predict">,
  metrics: Metrics,
  { drift, sampling }: Watchers = {},
): PhotoPrediction => ({
  predict: async (bytes, signal) => {
    try {
      const wanted = sampling?.wants() ?? false;
      const { prediction, model, projections } = await pool.predict(new Uint8Array(bytes), signal, {
        priority: "background",
        extras: drift?.wantsEmbedding() ? { map: false, projections: true } : undefined,
      });
      if (wanted) void sampling?.keep(bytes, { prediction, model });
      drift?.record(model.digest, prediction.probability, projections);
      const { name, version, digest } = model;
      metrics.inferences.inc({ model: name, version, outcome: "ok" });
      metrics.predictions.inc({ label: prediction.label });
      metrics.confidence.observe(prediction.probability);
      metrics.batchPhotos.inc({ outcome: "completed" });
      return { status: "completed", prediction, model: { name, version, digest } };
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
    const code = error instanceof WorkerCrashedError ? "worker-crashed" : "internal";
    const detail = "The prediction failed again and again; send the photo once more.";
    return { status: "failed", error: { code, detail, givenUp: true } };
  },
});
