import type { Logger } from "pino";
import type { ModelMetadata } from "../model/metadata.ts";
import { ModelError } from "../model/model-error.ts";
import type { Precision } from "../model/precision.ts";
import { resolveModel } from "../model/store.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Metrics } from "./metrics.ts";
import type { Pool } from "./worker-pool/pool.ts";

/** Polls between two attempts at a model that was refused: its files may still be arriving. */
const POLLS_BETWEEN_RETRIES = 5;

export type ModelWatcherOptions = {
  /** A model store, or one model's directory. */
  readonly directory: string;
  /** Which of a model's files to serve. Default: what its model.json says. */
  readonly precision?: Precision | undefined;
  readonly pollSeconds: number;
  readonly pool: Pick<Pool, "use">;
  /** Proves the answers of the first model from end to end; workers prove each later one before it serves. @throws ModelError */
  readonly prove: (model: ModelMetadata, directory: string) => Promise<void>;
  /** Told of each model that serves from now on. */
  readonly onServe: (model: ModelMetadata) => void;
  readonly lifecycle: Lifecycle;
  readonly metrics: Pick<Metrics, "modelInfo" | "modelRefusals">;
  readonly log: Logger;
};

/**
 * Serves what the directory offers, from the first model to appear to each later one. A model is taken up only when every
 * worker has verified, loaded and tried it, and its golden pictures got the right answers; until then, and for ever if it is refused, the old one serves.
 *
 * @returns what ends the watch
 */
export const watchModel = (options: ModelWatcherOptions): (() => void) => {
  const { directory, precision, pollSeconds, pool, prove, onServe, lifecycle, metrics, log } =
    options;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let complaint = "";
  let refused: { readonly digest: string; pollsLeft: number } | undefined;

  const takeUp = (model: ModelMetadata): void => {
    const { name, version, digest } = model;
    log.info({ model: { name, version, digest }, before: lifecycle.model?.digest }, "model serves");
    lifecycle.model = model;
    metrics.modelInfo.reset();
    metrics.modelInfo.set({ name, version, digest }, 1);
    complaint = "";
    onServe(model);
  };

  /** Says what is wrong once, however often it is seen. */
  const complain = (error: unknown): void => {
    const message = error instanceof Error ? error.message : String(error);
    if (message === complaint) return;
    complaint = message;
    const code = error instanceof ModelError ? error.code : "unreadable";
    metrics.modelRefusals.inc({ reason: code });
    const waiting = lifecycle.model ? "the model before it keeps serving" : "waiting for a model";
    log.warn({ code, directory }, `${message} (${waiting})`);
  };

  const look = async (): Promise<void> => {
    const offered = await resolveModel(directory, precision);
    if (offered.digest === lifecycle.model?.digest) return;
    if (refused?.digest === offered.digest && refused.pollsLeft-- > 0) return;
    refused = { digest: offered.digest, pollsLeft: POLLS_BETWEEN_RETRIES };
    const model = await pool.use(offered);
    if (!lifecycle.model) await prove(model, offered.directory);
    lifecycle.reference = offered;
    takeUp(model);
    refused = undefined;
  };

  const tick = async (): Promise<void> => {
    await look().catch(complain);
    if (!stopped) timer = setTimeout(() => void tick(), pollSeconds * 1000);
  };
  void tick();

  return function stop() {
    stopped = true;
    clearTimeout(timer);
  };
};
