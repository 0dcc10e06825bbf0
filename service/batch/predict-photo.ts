import type { Drift } from "../drift/drift.ts";
import type { Metrics } from "../metrics.ts";
import type { Sampling } from "../sampling/sampling.ts";
import type { Pool } from "../worker-pool/pool.ts";
import type { Outcome } from "./job.ts";

/** Predicts a photo in the background of the pool. @throws ImageError, what else the pool throws, or the signal's reason */
export type PredictPhoto = (bytes: Uint8Array, signal: AbortSignal) => Promise<Outcome>;

/** What else sees photos, as it sees those of `/predict`. Each is off when it is not there. */
type Watchers = {
  readonly drift?: Pick<Drift, "wantsEmbedding" | "record">;
  readonly sampling?: Pick<Sampling, "wants" | "keep">;
};

/** Counts what it predicts as every other prediction is counted, but for its times: batches are meant to wait. */
export const createPredictPhoto =
  (
    pool: Pick<Pool, "predict">,
    metrics: Pick<Metrics, "inferences" | "predictions" | "confidence">,
    { drift, sampling }: Watchers = {},
  ): PredictPhoto =>
  async (bytes, signal) => {
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
    return { status: "completed", prediction, model: { name, version, digest } };
  };
