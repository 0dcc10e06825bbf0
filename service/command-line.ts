import type { Worker } from "node:worker_threads";
import { Command } from "commander";
import pino from "pino";
import { startService } from "./service.ts";
import { readSettings } from "./settings.ts";

type Flags = {
  readonly model?: string;
  readonly precision?: string;
  readonly port?: string;
  readonly metricsPort?: string;
};

/** Reads the command line, and serves until a signal comes. An error is one line, and ends the process with 1. */
export const runCommandLine = (firstWorker: Worker): void => {
  createCommand(firstWorker).parseAsync().catch(fail);
};

const createCommand = (firstWorker: Worker): Command =>
  new Command("serve")
    .description("Answers predictions of a trained model over HTTP.")
    .option("--model <dir>", "model store or model directory (MODEL_DIR, else artifacts/model)")
    .option("--precision <name>", "fp32 or int8 (PRECISION, else what model.json says)")
    .option("--port <number>", "port of the API (PORT, else 8080)")
    .option("--metrics-port <number>", "port of /metrics alone (METRICS_PORT, else 9090)")
    .action(async (flags: Flags) => {
      const settings = readSettings({
        ...process.env,
        ...(flags.model !== undefined && { MODEL_DIR: flags.model }),
        ...(flags.precision !== undefined && { PRECISION: flags.precision }),
        ...(flags.port !== undefined && { PORT: flags.port }),
        ...(flags.metricsPort !== undefined && { METRICS_PORT: flags.metricsPort }),
      });
      const starting = startService({
        firstWorker,
        settings,
        env: process.env,
        log: pino({
          level: settings.LOG_LEVEL,
          base: null,
          timestamp: pino.stdTimeFunctions.isoTime,
        }),
        metricsPortRequired: Boolean(flags.metricsPort ?? process.env["METRICS_PORT"]),
      });

      let stopping = false;
      const stop = (delaySeconds: number): void => {
        // Whoever asks twice does not want to wait.
        if (stopping) process.exit(1);
        stopping = true;
        starting.then((service) => service.stop(delaySeconds)).then(() => process.exit(0), fail);
      };
      process.on("SIGTERM", () => stop(settings.DRAIN_DELAY));
      process.on("SIGINT", () => stop(0));
      await starting;
    });

const explain = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  if ("code" in error && error.code === "EADDRINUSE" && "port" in error) {
    return `Port ${error.port} is in use; stop the other program or choose another port.`;
  }
  return error.message;
};

const fail = (error: unknown): never => {
  process.stderr.write(`${explain(error)}\n`);
  process.exit(1);
};
