import type { Server } from "node:http";
import { Hono } from "hono";
import type { Logger } from "pino";
import { Registry } from "prom-client";
import { createAdmission } from "./admission.ts";
import { createApp } from "./app.ts";
import { readBuildInfo } from "./build-info.ts";
import { drain } from "./drain.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { createMetrics } from "./metrics.ts";
import { watchModel } from "./model-watcher.ts";
import type { ServiceEnv } from "./observe.ts";
import { metricsRoute } from "./routes/metrics.ts";
import { createHttpServer, listen } from "./server.ts";
import type { Settings } from "./settings.ts";
import { createPool } from "./worker-pool/pool.ts";

/** An overload is over when nothing was refused for as long as Retry-After asks clients to wait. */
const OVERLOAD_MS = 1000;

export type ServiceOptions = {
  readonly settings: Settings;
  readonly env: NodeJS.ProcessEnv;
  readonly log: Logger;
  /** Whether a taken METRICS_PORT is an error, because somebody asked for it. */
  readonly metricsPortRequired: boolean;
};

export type Service = {
  /** Drains and ends everything. @param delaySeconds how long it still takes requests */
  stop(delaySeconds: number): Promise<void>;
};

const isPortTaken = (error: unknown): boolean =>
  error instanceof Error && "code" in error && error.code === "EADDRINUSE";

/** Starts the service: workers first, since they take longest, then the ports, then the model. */
export const startService = async (options: ServiceOptions): Promise<Service> => {
  const { settings, env, log, metricsPortRequired } = options;
  const lifecycle: Lifecycle = { phase: "serving", model: undefined };
  const pool = createPool({
    size: settings.WORKERS,
    onFault: (fault, error) => {
      metrics.workerFaults.inc({ fault });
      log.error({ err: error, fault }, "a worker is replaced");
    },
  });
  const build = readBuildInfo(env);
  const metrics = createMetrics(new Registry(), { queueDepth: pool.queued, build });
  const app = createApp({
    pool,
    lifecycle,
    metrics,
    build,
    log,
    admission: createAdmission({
      sustained: settings.SLOTS,
      burst: Math.max(settings.SLOTS, settings.BURST_SLOTS),
      recoverMs: OVERLOAD_MS,
    }),
    body: { maxBytes: settings.MAX_BODY_BYTES, timeoutSeconds: settings.BODY_TIMEOUT },
    deadlineSeconds: settings.DEADLINE,
  });
  const metricsApp = new Hono<ServiceEnv>().route("/", metricsRoute(metrics.registry));
  const requestSeconds = settings.BODY_TIMEOUT + settings.DEADLINE;
  const servers: Server[] = [];
  const open = async (target: Hono<ServiceEnv>, port: number): Promise<number> => {
    const server = createHttpServer(target, requestSeconds);
    const opened = await listen(server, port, settings.HOST);
    servers.push(server);
    return opened;
  };

  let metricsPort: number | undefined;
  let port: number;
  try {
    port = await open(app, settings.PORT);
    metricsPort = await open(metricsApp, settings.METRICS_PORT).catch((error: unknown) => {
      if (metricsPortRequired || !isPortTaken(error)) throw error;
      log.warn(
        `Port ${settings.METRICS_PORT} is in use, so /metrics is on port ${port} only; choose one with --metrics-port.`,
      );
      return undefined;
    });
  } catch (error) {
    await pool.stop();
    throw error;
  }
  log.info(
    { host: settings.HOST, port, metricsPort, workers: settings.WORKERS, build },
    "listening",
  );
  const stopWatching = watchModel({
    directory: settings.MODEL_DIR,
    pollSeconds: settings.MODEL_POLL,
    pool,
    lifecycle,
    metrics,
    log,
  });

  return {
    stop: async (delaySeconds) => {
      await drain({
        servers,
        lifecycle,
        delaySeconds,
        timeoutSeconds: settings.DRAIN_TIMEOUT,
        log,
      });
      stopWatching();
      await pool.stop();
      log.info("stopped");
    },
  };
};
