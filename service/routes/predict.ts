import { Hono } from "hono";
import { ImageError } from "../../model/image-error.ts";
import type { Admission } from "../admission.ts";
import { type BodyLimits, hungUp, readBody } from "../body.ts";
import type { Lifecycle } from "../lifecycle.ts";
import type { FailureReason, Metrics } from "../metrics.ts";
import type { ServiceEnv } from "../observe.ts";
import { ProblemError } from "../problem.ts";
import { PROOF_HEADER } from "../prove-answers.ts";
import { acceptUpload } from "../upload.ts";
import { type Pool, type PoolAnswer, WorkerCrashedError } from "../worker-pool/pool.ts";

export type PredictOptions = {
  readonly pool: Pool;
  readonly admission: Admission;
  readonly lifecycle: Lifecycle;
  readonly metrics: Metrics;
  readonly body: BodyLimits;
  /** Time for the answer after the body has arrived, seconds. */
  readonly deadlineSeconds: number;
};

const RETRY_SOON = { "retry-after": "1" };

/** What a failed prediction answers. */
const problemOf = (error: unknown): ProblemError => {
  if (error instanceof ProblemError) return error;
  if (error instanceof ImageError) {
    return new ProblemError(error.code, error.message, { cause: error });
  }
  if (error instanceof WorkerCrashedError) {
    return new ProblemError("worker-crashed", "The worker of this image ended; send it again.", {
      cause: error,
    });
  }
  return new ProblemError("internal", "The prediction failed; the log has the reason.", {
    cause: error,
  });
};

const reasonOf = (problem: ProblemError): FailureReason => {
  if (problem.code === "cancelled") return "cancelled";
  if (problem.code === "deadline") return "deadline";
  if (problem.cause instanceof ImageError) return "decode";
  return problem.status === 500 ? "backend" : "rejected";
};

/** `POST /predict`: an image in, its label and probabilities out. */
export const predictRoute = (options: PredictOptions): Hono<ServiceEnv> => {
  const { pool, admission, lifecycle, metrics, body, deadlineSeconds } = options;

  const admit = (proof: unknown): (() => void) => {
    if (lifecycle.phase === "closing") {
      throw new ProblemError("draining", "The service is stopping; send the image again.", {
        headers: RETRY_SOON,
      });
    }
    if (!lifecycle.model && (proof === undefined || proof !== lifecycle.proof)) {
      throw new ProblemError("starting", "No model is loaded yet; try again soon.", {
        headers: RETRY_SOON,
      });
    }
    const leave = admission.enter();
    if (leave) return leave;
    throw new ProblemError("queue-full", "The service is busy; try again after a second.", {
      headers: RETRY_SOON,
    });
  };

  const record = ({ prediction, model, times, waited }: PoolAnswer): void => {
    metrics.stageDuration.observe({ stage: "queue" }, (waited + times.queue) / 1000);
    metrics.stageDuration.observe({ stage: "decode" }, times.decode / 1000);
    metrics.stageDuration.observe({ stage: "infer" }, times.infer / 1000);
    metrics.inferences.inc({ model: model.name, version: model.version, outcome: "ok" });
    metrics.predictions.inc({ label: prediction.label });
    metrics.confidence.observe(prediction.probability);
  };

  const predict = async ({ incoming, outgoing }: ServiceEnv["Bindings"]): Promise<string> => {
    const cut = acceptUpload(incoming.headers);
    const leave = admit(incoming.headers[PROOF_HEADER]);
    const controller = new AbortController();
    // Nobody waits for the answer of a client that is gone: its slot is free at once, whatever a worker still does for it.
    outgoing.once("close", () => {
      if (!outgoing.writableFinished) controller.abort(hungUp());
    });
    let timer: NodeJS.Timeout | undefined;
    try {
      const image = cut(await readBody(incoming, outgoing, body));
      timer = setTimeout(() => {
        const detail = `There was no answer within ${deadlineSeconds} s; try again later.`;
        controller.abort(new ProblemError("deadline", detail));
      }, deadlineSeconds * 1000);
      const answer = await pool.predict(image, controller.signal);
      // What the service asks itself before it serves is nobody's prediction.
      if (lifecycle.model) record(answer);
      const { name, version, digest } = answer.model;
      return JSON.stringify({ ...answer.prediction, model: { name, version, digest } });
    } finally {
      clearTimeout(timer);
      leave();
    }
  };

  const app = new Hono<ServiceEnv>();
  app.post("/predict", async (c) => {
    try {
      return c.body(await predict(c.env), 200, { "content-type": "application/json" });
    } catch (error) {
      const problem = problemOf(error);
      const { name = "none", version = "none" } = lifecycle.model ?? {};
      metrics.failures.inc({ reason: reasonOf(problem) });
      metrics.inferences.inc({ model: name, version, outcome: "failed" });
      throw problem;
    }
  });
  return app;
};
