import type { Prediction } from "../model/classifier.ts";
import { ImageError } from "../model/image-error.ts";
import type { ModelMetadata } from "../model/metadata.ts";
import type { Admission, Place } from "./admission.ts";
import { type BodyLimits, hungUp, readBody } from "./body.ts";
import { ClientDeadlineError, clientDeadline } from "./client-deadline.ts";
import type { Drift } from "./drift/drift.ts";
import { TensorError } from "./inference-protocol/tensor-error.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { FailureReason, Metrics } from "./metrics.ts";
import type { ServiceEnv } from "./observe.ts";
import { ProblemError } from "./problem.ts";
import { PROOF_HEADER } from "./prove-answers.ts";
import type { SlowBodies } from "./slow-bodies.ts";
import type { Tracing } from "./telemetry/tracing.ts";
import type { PoolAnswer } from "./worker-pool/job.ts";
import type { Work } from "./worker-pool/messages.ts";
import type { Pool } from "./worker-pool/pool.ts";
import { WorkerCrashedError } from "./worker-pool/worker-crashed-error.ts";

export type InferenceOptions = {
  readonly pool: Pool;
  readonly admission: Admission;
  readonly lifecycle: Lifecycle;
  readonly metrics: Metrics;
  /** Told of each answer. @default nothing watches for drift */
  readonly drift?: Drift;
  readonly body: BodyLimits;
  /** Where bodies that are slow to arrive wait. */
  readonly slowBodies: SlowBodies;
  /** Time for the answer after the body has arrived, seconds. */
  readonly deadlineSeconds: number;
  /** Traces. @default none */
  readonly tracing?: Tracing;
};

/** What a request's headers tell of it. */
type Accepted<Answer> = {
  /** Slots to take: one an image. */
  readonly images: number;
  /** The model that answers, if not the one of /predict: labels and confidences are counted of that one alone. */
  readonly named?: Pick<ModelMetadata, "name" | "version">;
  /** Has the workers answer the body. */
  readonly ask: (body: Uint8Array<ArrayBuffer>, signal: AbortSignal) => Promise<Answer>;
};

/**
 * Lets one request at the workers: a slot before anything of the body is read, then the body, without the slot where it is
 * slow, then the workers, all within their limits.
 *
 * @param accept looks at the headers
 * @throws ProblemError, or what the workers throw
 */
export type Guard = <Answer>(
  bindings: ServiceEnv["Bindings"],
  accept: () => Accepted<Answer>,
) => Promise<Answer>;

/**
 * Answers one request for predictions by the pool: guarded and counted.
 *
 * @param accept looks at the headers; what it throws is counted, too
 * @throws ProblemError
 */
export type Infer = <Kind extends Work["type"]>(
  bindings: ServiceEnv["Bindings"],
  accept: () => Accepted<PoolAnswer<Kind>>,
) => Promise<PoolAnswer<Kind>>;

/**
 * @param theirs whether it is the client's own time that is over
 * @param bodyRead whether the connection can be used again, because nothing of the body is still on its way
 */
const tooLate = (seconds: number, theirs: boolean, bodyRead: boolean): ProblemError => {
  const detail = `There was no answer within ${seconds} s; try again later.`;
  const options = { headers: bodyRead ? {} : { connection: "close" } };
  return theirs
    ? new ClientDeadlineError(detail, options)
    : new ProblemError("deadline", detail, options);
};

const RETRY_SOON = { "retry-after": "1" };

const busy = (headers: Readonly<Record<string, string>> = {}): ProblemError =>
  new ProblemError("queue-full", "The service is busy; try again after a second.", {
    headers: { ...RETRY_SOON, ...headers },
  });

/** What a failed prediction answers. */
export const problemOf = (error: unknown): ProblemError => {
  if (error instanceof ProblemError) return error;
  if (error instanceof ImageError) {
    return new ProblemError(error.code, error.message, { cause: error });
  }
  if (error instanceof TensorError) {
    return new ProblemError("bad-request", error.message, { cause: error });
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
  if (problem.code === "cancelled" || problem instanceof ClientDeadlineError) return "cancelled";
  if (problem.code === "deadline") return "deadline";
  if (problem.cause instanceof ImageError) return "decode";
  return problem.status === 500 ? "backend" : "rejected";
};

const predictionsOf = (answer: PoolAnswer<Work["type"]>): readonly Prediction[] =>
  "prediction" in answer ? [answer.prediction] : answer.predictions;

/** Creates what every route goes through whose work the workers do. */
export const createGuard = (
  options: Pick<
    InferenceOptions,
    "admission" | "lifecycle" | "body" | "slowBodies" | "deadlineSeconds"
  >,
): Guard => {
  const { admission, lifecycle, body, slowBodies, deadlineSeconds } = options;

  const admit = (proof: unknown, images: number): Place => {
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
    const place = admission.enter(images);
    if (place) return place;
    throw busy();
  };

  return async function guard({ incoming, outgoing }, accept) {
    const { images, ask } = accept();
    const patience = clientDeadline(incoming.headers);
    const place = admit(incoming.headers[PROOF_HEADER], images);
    const controller = new AbortController();
    // Nobody waits for the answer of a client that is gone: its slot is free at once.
    outgoing.once("close", () => {
      if (!outgoing.writableFinished) controller.abort(hungUp());
    });
    const expireAfter = (seconds: number, ofClient: boolean): NodeJS.Timeout =>
      setTimeout(
        () => controller.abort(tooLate(seconds, ofClient, incoming.complete)),
        seconds * 1000,
      );
    // One that waits for as long as the service's own deadline hides no fault of it: that counts as the service's.
    const shorter = patience !== undefined && patience < deadlineSeconds;
    const theirs = patience === undefined ? undefined : expireAfter(patience, shorter);
    let ours: NodeJS.Timeout | undefined;
    const { signal } = controller;
    const watch = slowBodies.watch(place, () => controller.abort(busy({ connection: "close" })));
    try {
      const bytes = await readBody(incoming, outgoing, body, {
        signal,
        onReceived: watch.received,
      });
      if (!watch.complete()) throw busy();
      ours = expireAfter(deadlineSeconds, false);
      return await ask(bytes, signal);
    } finally {
      clearTimeout(theirs);
      clearTimeout(ours);
      watch.end();
      place.leave();
    }
  };
};

/** Creates what every route that predicts goes through: they share slots, limits, workers and counters. */
export const createInference = (options: InferenceOptions): Infer => {
  const { lifecycle, metrics, drift, tracing } = options;
  const guard = createGuard(options);

  const record = (answer: PoolAnswer<Work["type"]>, named: boolean): void => {
    const { model, times, waited } = answer;
    const projections = "projections" in answer ? answer.projections : undefined;
    metrics.stageDuration.observe({ stage: "queue" }, (waited + times.queue) / 1000);
    metrics.stageDuration.observe({ stage: "decode" }, times.decode / 1000);
    metrics.stageDuration.observe({ stage: "infer" }, times.infer / 1000);
    metrics.inferences.inc({ model: model.name, version: model.version, outcome: "ok" });
    if (named) return;
    for (const { label, probability } of predictionsOf(answer)) {
      metrics.predictions.inc({ label });
      metrics.confidence.observe(probability);
      drift?.record(model.digest, probability, projections);
    }
  };

  const trace = async <Answer extends Pick<PoolAnswer<Work["type"]>, "model" | "times">>(
    { incoming }: ServiceEnv["Bindings"],
    ask: () => Promise<Answer>,
  ): Promise<Answer> => {
    const queuedAt = performance.now();
    const answer = await ask();
    const { model, times } = answer;
    tracing?.recordPrediction(incoming, {
      ...{ model, queuedAt, answeredAt: performance.now() },
      ...times,
    });
    return answer;
  };

  return async function inferAndCount(bindings, accept) {
    let named: ReturnType<typeof accept>["named"];
    try {
      const answer = await guard(bindings, () => {
        const { images, ask, ...accepted } = accept();
        named = accepted.named;
        return { images, ask: (bytes, signal) => trace(bindings, () => ask(bytes, signal)) };
      });
      // What the service asks itself before it serves is nobody's prediction.
      if (lifecycle.model) record(answer, named !== undefined);
      return answer;
    } catch (error) {
      const problem = problemOf(error);
      const { name = "none", version = "none" } = named ?? lifecycle.model ?? {};
      metrics.failures.inc({ reason: reasonOf(problem) });
      metrics.inferences.inc({ model: name, version, outcome: "failed" });
      throw problem;
    }
  };
};
