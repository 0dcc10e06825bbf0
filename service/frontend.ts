import { randomUUID } from "node:crypto";
import type { Server } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import { Hono } from "hono";
import type { Logger } from "pino";
import { Registry } from "prom-client";
import { proveModel } from "../model/golden.ts";
import { readAccess } from "./access/read-access.ts";
import { createAdmission } from "./admission.ts";
import { createApp } from "./app.ts";
import { createBudget } from "./batch/budget.ts";
import { openQueue } from "./batch/open-queue.ts";
import { createPhotoWork } from "./batch/photo-work.ts";
import { createPredictPhoto } from "./batch/predict-photo.ts";
import { createProcessPhoto } from "./batch/process-photo.ts";
import { type BuildInfo, readBuildInfo } from "./build-info.ts";
import { drain } from "./drain.ts";
import { createDrift } from "./drift/drift.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import { createModelRepository } from "./model-repository.ts";
import { watchModel } from "./model-watcher.ts";
import type { ServiceEnv } from "./observe.ts";
import { checkSegmenter, readProcessConfig } from "./process/config.ts";
import { createProcessor } from "./process/processor.ts";
import { askOverHttp } from "./prove-answers.ts";
import { metricsRoute } from "./routes/metrics.ts";
import { startSampling } from "./sampling/sampling.ts";
import { createHttpServer, listen } from "./server.ts";
import type { Settings } from "./settings.ts";
import { createSlowBodies } from "./slow-bodies.ts";
import { openStorage } from "./storage/open-storage.ts";
import { startSweeper } from "./storage/sweeper.ts";
import type { Tracing } from "./telemetry/tracing.ts";
import type { Pool } from "./worker-pool/pool.ts";

/** Batches of full size that this process's memory may hold, uploads included. */
const BATCHES_HELD = 4;
/** Bytes of bodies that are slow to arrive: some twenty phones that send a photo each. */
const SLOW_BODY_BYTES = 64 * 2 ** 20;
/** Clients that follow a job at once. */
const MAX_STREAMS = 100;
/** For the photos of batches that workers have when everything else has ended. */
const LAST_PHOTOS_MS = 5000;
/** An overload is over when nothing was refused for as long as Retry-After asks clients to wait. */
const OVERLOAD_MS = 1000;

export type FrontendOptions = {
  readonly settings: Settings;
  readonly env: NodeJS.ProcessEnv;
  readonly log: Logger;
  /** Whether a taken METRICS_PORT is an error, because somebody asked for it. */
  readonly metricsPortRequired: boolean;
  readonly pool: Pool;
};

export type Frontend = {
  readonly metrics: Metrics;
  /** Answers what is under way, and no more. @param delaySeconds how long it still takes requests */
  drain(delaySeconds: number): Promise<void>;
};

/** Photos of /process inside for each of its threads, of which each takes a good part of the deadline. */
const PROCESS_SLOTS = { sustained: 2, burst: 4 };

const isPortTaken = (error: unknown): boolean =>
  error instanceof Error && "code" in error && error.code === "EADDRINUSE";

/** Traces, where they are asked for. Not a static import: a start must not wait for what is off. */
const startTracing = async (
  settings: Settings,
  build: BuildInfo,
  log: Logger,
): Promise<Tracing | undefined> => {
  const { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT } = settings;
  if (!(OTEL_EXPORTER_OTLP_ENDPOINT ?? OTEL_EXPORTER_OTLP_TRACES_ENDPOINT)) return undefined;
  const { createTracing } = await import("./telemetry/tracing.ts");
  return createTracing(build, log);
};

/** Opens the ports, and serves the model that the directory offers. @throws the socket's error, such as EADDRINUSE */
export const startFrontend = async (options: FrontendOptions): Promise<Frontend> => {
  const { settings, env, log, metricsPortRequired, pool } = options;
  const lifecycle: Lifecycle = { phase: "serving", model: undefined };
  const build = readBuildInfo(env);
  const drift = createDrift({ embeddingSeconds: settings.DRIFT_EMBEDDING_INTERVAL });
  const metrics = createMetrics(new Registry(), {
    drift: drift.read,
    queueDepth: pool.queued,
    workersReady: pool.ready,
    batchJobs: async () => ({ ...(await queue.counts()) }),
    build,
  });
  const tracing = await startTracing(settings, build, log);
  const access = await readAccess(settings, log);
  const sampling = settings.SAMPLE_DIRECTORY
    ? await startSampling({
        directory: settings.SAMPLE_DIRECTORY,
        share: settings.SAMPLE_SHARE,
        days: settings.SAMPLE_DAYS,
        megabytes: settings.SAMPLE_MEGABYTES,
        log,
      })
    : undefined;
  const repository = createModelRepository({
    directory: settings.MODEL_DIR,
    precision: settings.PRECISION,
    maxModels: settings.MAX_MODELS,
    ...{ pool, lifecycle, log },
  });
  const config = await readProcessConfig(settings.PROCESS_CONFIG);
  await checkSegmenter(settings.SEGMENTER_MODEL);
  const processor = createProcessor({
    size: settings.PROCESS_WORKERS,
    config,
    segmenter: settings.SEGMENTER_MODEL,
    onFault: (error) => {
      metrics.workerFaults.inc({ fault: "worker-crashed" });
      log.error(
        { err: error, fault: "worker-crashed" },
        "a worker of /process ended; the next photo starts another one",
      );
    },
  });
  const opened = await openStorage(settings);
  const queue = await openQueue({
    ...{ settings, log },
    work: createPhotoWork(
      {
        predict: createPredictPhoto(pool, metrics, { drift, ...(sampling && { sampling }) }),
        process: createProcessPhoto({ processor, lifecycle, metrics, storage: opened?.storage }),
      },
      metrics,
    ),
    servedModel: () => lifecycle.model?.digest,
  });
  const app = createApp({
    pool,
    repository,
    drift,
    processing: {
      processor,
      config,
      admission: createAdmission({
        sustained: PROCESS_SLOTS.sustained * settings.PROCESS_WORKERS,
        burst: PROCESS_SLOTS.burst * settings.PROCESS_WORKERS,
        recoverMs: OVERLOAD_MS,
      }),
      ...(opened && { store: opened.storage }),
    },
    lifecycle,
    metrics,
    build,
    log,
    admission: createAdmission({
      sustained: settings.SLOTS,
      burst: settings.BURST_SLOTS,
      recoverMs: OVERLOAD_MS,
    }),
    body: { maxBytes: settings.MAX_BODY_BYTES, timeoutSeconds: settings.BODY_TIMEOUT },
    slowBodies: createSlowBodies({
      maxBytes: SLOW_BODY_BYTES,
      patienceMs: settings.SLOW_BODY * 1000,
    }),
    deadlineSeconds: settings.DEADLINE,
    maxBatch: settings.MAX_BATCH,
    ...(access && { access }),
    ...(tracing && { tracing }),
    ...(sampling && { sampling }),
    storage: opened,
    batch: {
      ...{ queue, config },
      budget: createBudget(BATCHES_HELD * settings.BATCH_MAX_BYTES),
      body: { maxBytes: settings.BATCH_MAX_BYTES, timeoutSeconds: settings.BATCH_BODY_TIMEOUT },
      photos: { maxFiles: settings.BATCH_MAX_FILES, maxFileBytes: settings.MAX_BODY_BYTES },
      retentionSeconds: settings.BATCH_RETENTION,
      maxStreams: MAX_STREAMS,
    },
    ...(settings.PROMETHEUS_URL &&
      settings.STATUS_PANELS && {
        status: { prometheusUrl: settings.PROMETHEUS_URL, panels: settings.STATUS_PANELS },
      }),
  });
  const metricsApp = new Hono<ServiceEnv>().route("/", metricsRoute(metrics.registry));
  const bodySeconds = Math.max(settings.BODY_TIMEOUT, settings.BATCH_BODY_TIMEOUT);
  const requestSeconds = bodySeconds + settings.DEADLINE;
  const servers: Server[] = [];
  const open = async (target: Hono<ServiceEnv>, port: number): Promise<number> => {
    const server = createHttpServer(target, requestSeconds);
    const opened = await listen(server, port, settings.HOST);
    servers.push(server);
    return opened;
  };

  const port = await open(app, settings.PORT);
  const metricsPort = await open(metricsApp, settings.METRICS_PORT).catch((error: unknown) => {
    if (metricsPortRequired || !isPortTaken(error)) throw error;
    log.warn(
      `Port ${settings.METRICS_PORT} is in use, so /metrics is on port ${port} only; choose one with --metrics-port.`,
    );
    return undefined;
  });
  log.info(
    { host: settings.HOST, port, metricsPort, workers: settings.WORKERS, build },
    "listening",
  );
  /** Loads what the settings name beside the first model. One that is refused is no reason not to serve. */
  const loadNamed = async (): Promise<void> => {
    for (const name of settings.LOAD_MODELS) {
      await repository.load(name).catch((error: unknown) => {
        log.warn({ name }, `LOAD_MODELS: ${error instanceof Error ? error.message : error}`);
      });
    }
  };
  let first = true;
  const stopWatching = watchModel({
    directory: settings.MODEL_DIR,
    precision: settings.PRECISION,
    pollSeconds: settings.MODEL_POLL,
    pool,
    prove: async (model, path) => {
      lifecycle.proof = randomUUID();
      await proveModel(path, model, askOverHttp({ host: settings.HOST, port }, lifecycle.proof));
      delete lifecycle.proof;
    },
    onServe: (model) => {
      pool.grow();
      drift.use(model);
      if (first) void loadNamed();
      first = false;
    },
    lifecycle,
    metrics,
    log,
  });

  const sweeping: (() => void)[] = [];
  if (queue.sweep) {
    const { sweep } = queue;
    const retentionSeconds = settings.BATCH_RETENTION;
    sweeping.push(startSweeper({ what: "batches", retentionSeconds, sweep, log }));
  }
  if (opened) {
    const { sweep } = opened.storage;
    const retentionSeconds = settings.STORAGE_RETENTION;
    sweeping.push(startSweeper({ what: "outputs", retentionSeconds, sweep, log }));
  }

  return {
    metrics,
    drain: async (delaySeconds) => {
      const timeoutSeconds = settings.DRAIN_TIMEOUT;
      await drain({ servers, lifecycle, delaySeconds, timeoutSeconds, log });
      stopWatching();
      sampling?.stop();
      for (const stopSweeping of sweeping) stopSweeping();
      // Photos that no worker takes any more would be waited for without end.
      await Promise.race([queue.stop(), wait(LAST_PHOTOS_MS, undefined, { ref: false })]);
      await tracing?.stop();
      await processor.stop();
    },
  };
};
