import { Counter, collectDefaultMetrics, Gauge, Histogram, type Registry } from "prom-client";
import type { ModelErrorCode } from "../model/model-error.ts";
import type { DriftReading } from "./drift/drift-reading.ts";
import { METRIC } from "./metric-names.ts";
import { ISSUE_CODES } from "./process/vocabulary.ts";

/** Why a prediction was not made. */
const FAILURE_REASONS = ["rejected", "cancelled", "deadline", "decode", "backend"] as const;
export type FailureReason = (typeof FAILURE_REASONS)[number];

/** A record, so that a new reason that is not here does not compile. */
const REFUSAL_REASONS: Readonly<Record<ModelErrorCode | "unreadable", true>> = {
  missing: true,
  corrupt: true,
  "digest-mismatch": true,
  "wrong-shape": true,
  "wrong-answer": true,
  unreadable: true,
};
const PHOTO_OUTCOMES = ["completed", "failed", "given-up"] as const;
const WORKER_FAULTS = ["worker-crashed", "worker-restart-failed"] as const;

// Fine where the objectives lie (250 ms), coarse up to the deadline.
const REQUEST_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10];
const STAGE_BUCKETS = [0.001, 0.0025, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1];

/** What the metrics read when they are scraped. */
export type MetricSources = {
  readonly queueDepth: () => number;
  readonly workersReady: () => number;
  /** Jobs by state. @default none */
  readonly batchJobs?: () => Promise<Readonly<Record<string, number>>>;
  readonly build: Readonly<Record<string, string>>;
  /** @default nothing watches for drift */
  readonly drift?: () => readonly DriftReading[];
};

export type Metrics = ReturnType<typeof createMetrics>;

/** Creates the service's metrics, and Node's own, in a registry of its own. */
export const createMetrics = (
  registry: Registry,
  {
    queueDepth,
    workersReady,
    batchJobs = async () => ({}),
    build,
    drift = () => [],
  }: MetricSources,
) => {
  const registers = [registry];
  collectDefaultMetrics({ register: registry });

  const failures = new Counter({
    name: METRIC.failures,
    help: "Predictions not made: refused for overload or bad input's form, given up by the client, late, undecodable image, fault here.",
    labelNames: ["reason"] as const,
    registers,
  });
  const modelRefusals = new Counter({
    name: METRIC.modelRefusals,
    help: "Offered models that were refused, by what is wrong with them. The old model keeps serving.",
    labelNames: ["reason"] as const,
    registers,
  });
  const batchPhotos = new Counter({
    name: METRIC.batchPhotos,
    help: "Photos of batches: predicted or processed (completed), bad (failed), or given up after several attempts.",
    labelNames: ["outcome"] as const,
    registers,
  });
  const workerFaults = new Counter({
    name: METRIC.workerFaults,
    help: "Workers that crashed or could not be restarted.",
    labelNames: ["fault"] as const,
    registers,
  });
  const processIssues = new Counter({
    name: METRIC.processIssues,
    help: "What /process found wrong with photos, by reason code.",
    labelNames: ["code"] as const,
    registers,
  });
  // Series that exist from the start, so that a first failure is an increase and not a new series.
  for (const reason of FAILURE_REASONS) failures.inc({ reason }, 0);
  for (const reason of Object.keys(REFUSAL_REASONS)) modelRefusals.inc({ reason }, 0);
  for (const outcome of PHOTO_OUTCOMES) batchPhotos.inc({ outcome }, 0);
  for (const code of ISSUE_CODES) processIssues.inc({ code }, 0);
  for (const fault of WORKER_FAULTS) workerFaults.inc({ fault }, 0);

  new Gauge({
    name: METRIC.queueDepth,
    help: "Images that wait for a worker.",
    registers,
    collect() {
      this.set(queueDepth());
    },
  });
  new Gauge({
    name: METRIC.batchJobs,
    help: "Batches that wait, and that are computed.",
    labelNames: ["state"] as const,
    registers,
    async collect() {
      // A queue that is away says nothing, and must not take the other metrics with it.
      const counts = await batchJobs().catch(() => undefined);
      this.reset();
      for (const [state, count] of Object.entries(counts ?? {})) this.set({ state }, count);
    },
  });
  new Gauge({
    name: METRIC.workersReady,
    help: "Workers that can answer.",
    registers,
    collect() {
      this.set(workersReady());
    },
  });
  const driftGauge = (
    name: string,
    help: string,
    read: (reading: DriftReading) => number,
  ): void => {
    new Gauge({
      ...{ name, help, registers },
      labelNames: ["of", "source"] as const,
      collect() {
        this.reset();
        for (const reading of drift()) {
          this.set({ of: reading.of, source: reading.source }, read(reading));
        }
      },
    });
  };
  driftGauge(
    METRIC.drift,
    "Population stability index of the last answers against training's held-out photos, by what is compared and where those came from.",
    ({ index }) => index,
  );
  driftGauge(
    METRIC.driftBound,
    "What the index seldom passes by chance, with so few photos.",
    ({ bound }) => bound,
  );
  driftGauge(METRIC.driftPhotos, "Photos that the index is of.", ({ photos }) => photos);
  new Gauge({
    name: METRIC.buildInfo,
    help: "Version of the service, its commit and its engines; always 1.",
    labelNames: Object.keys(build),
    registers,
  }).set(build, 1);

  return {
    registry,
    failures,
    requests: new Counter({
      name: METRIC.requests,
      help: "Answered HTTP requests by method, route pattern and status; 499 where the client hung up or its own time was over.",
      labelNames: ["method", "route", "status"] as const,
      registers,
    }),
    requestDuration: new Histogram({
      name: METRIC.requestDuration,
      help: "Time from a request's headers to its answer, by route pattern.",
      labelNames: ["method", "route", "status"] as const,
      buckets: REQUEST_BUCKETS,
      registers,
    }),
    requestsInFlight: new Gauge({
      name: METRIC.requestsInFlight,
      help: "HTTP requests without an answer yet.",
      registers,
    }),
    stageDuration: new Histogram({
      name: METRIC.stageDuration,
      help: "Time of one image, or of one tensor request, in each stage: waiting (queue), decoding, running the network.",
      labelNames: ["stage"] as const,
      buckets: STAGE_BUCKETS,
      registers,
    }),
    inferences: new Counter({
      name: METRIC.inferences,
      help: "Prediction requests by model and outcome (ok or failed).",
      labelNames: ["model", "version", "outcome"] as const,
      registers,
    }),
    predictions: new Counter({
      name: METRIC.predictions,
      help: "Predictions by label, of the model of /predict.",
      labelNames: ["label"] as const,
      registers,
    }),
    confidence: new Histogram({
      name: METRIC.confidence,
      help: "Probability of the predicted label, of the model of /predict.",
      buckets: [0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1],
      registers,
    }),
    processIssues,
    processDuration: new Histogram({
      name: METRIC.processDuration,
      help: "Time of one photo of /process from its body to its answer.",
      buckets: [0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2.5],
      registers,
    }),
    modelInfo: new Gauge({
      name: METRIC.modelInfo,
      help: "The model that serves; always 1.",
      labelNames: ["name", "version", "digest"] as const,
      registers,
    }),
    batchPhotos,
    modelRefusals,
    workerFaults,
  };
};
