import type { Worker } from "node:worker_threads";
import type { ModelMetadata } from "../../model/metadata.ts";
import type { ModelReference } from "../../model/model-files.ts";
import { createInTurn } from "../in-turn.ts";
import type { InferenceBody } from "../inference-protocol/read-request.ts";
import { createDispatcher } from "./dispatcher.ts";
import { endWorker } from "./end-worker.ts";
import type { PoolAnswer } from "./job.ts";
import { createMember, type Member } from "./member.ts";
import type { Extras, Priority, WorkerReply } from "./messages.ts";
import { receive } from "./receive.ts";
import { createServedModels } from "./served-models.ts";
import { startWorker } from "./start-worker.ts";
import { WorkerCrashedError } from "./worker-crashed-error.ts";

const MAX_RESTART_DELAY_MS = 30_000;

export type PoolOptions = {
  /** Worker threads, each with a session of one thread. */
  readonly size: number;
  /** Starts a worker. @default worker.ts as a thread */
  readonly start?: () => Worker;
  /** Told about each worker that ended without being asked to, and about a replacement that cannot load its model. */
  readonly onFault: (fault: "worker-crashed" | "worker-restart-failed", error: unknown) => void;
};

/** How a photo is predicted. */
type PredictOptions = {
  /** What is asked beside the prediction. @default nothing */
  readonly extras?: Extras | undefined;
  /** `background` waits for as long as interactive work waits, and takes none of its places. @default interactive */
  readonly priority?: Priority | undefined;
};

export type Pool = {
  /**
   * Loads a model beside the one that serves, one worker after the other so that the others keep answering, and then
   * serves it everywhere. When any worker refuses it, the old model stays.
   *
   * @throws ModelError
   */
  use(model: ModelReference): Promise<ModelMetadata>;
  /**
   * Starts the other workers, once. Until then there is one: together they would only delay the first answer, and the proof
   * that comes before it.
   */
  grow(): void;
  /**
   * Loads a model in every worker, beside the one that serves and for as long as it is not removed: work can name its digest.
   * When any worker refuses it, none keeps it.
   *
   * @throws ModelError
   */
  add(model: ModelReference): Promise<ModelMetadata>;
  /** Releases a model that was added, once a worker has nothing of it left to compute. What names it must have ended. */
  remove(digest: string): Promise<void>;
  /**
   * Predicts one image, whose buffer is handed over and empty afterwards. Aborting the signal rejects with its reason at once,
   * and no worker begins what is left of it: an image in the queue, or the network's run on one that is being decoded. A run
   * that has begun goes on to its end, because it blocks its thread, which hears of nothing meanwhile.
   *
   * @throws ImageError, WorkerCrashedError, or the signal's reason
   */
  predict(
    image: Uint8Array<ArrayBuffer>,
    signal: AbortSignal,
    options?: PredictOptions,
  ): Promise<PoolAnswer<"predict">>;
  /**
   * Runs the network on a tensor, whose buffer is handed over like an image.
   *
   * @param digest a model that was added @default the one that serves
   * @throws TensorError, WorkerCrashedError, or the signal's reason
   */
  infer(request: InferenceBody, signal: AbortSignal, digest?: string): Promise<PoolAnswer<"infer">>;
  /** Images (or tensors) that wait for a worker, those in the background excepted. */
  queued(): number;
  /** Workers that can answer. */
  ready(): number;
  stop(): Promise<void>;
};

/** Starts a worker; the others when it is told to grow. */
export const createPool = (options: PoolOptions): Pool => {
  const { size, onFault, start: startThread = startWorker } = options;
  const members = new Set<Member>();
  let grown = false;
  let stopping = false;
  let restartDelay = 0;

  const { submit, dispatch, queued } = createDispatcher(members);
  const onServing = (): void => {
    restartDelay = 0;
    dispatch();
  };
  const models = createServedModels({ members, onServing, onAdded: dispatch, onFault });
  // One change at a time, a restarted worker's loading included.
  const inTurn = createInTurn();

  const start = (): Member => {
    const member = createMember(startThread());
    const { worker } = member;
    members.add(member);
    let cause: unknown;
    worker.on("message", (reply: WorkerReply) => {
      if (receive(member, reply, models)) dispatch();
    });
    worker.on("error", (error) => {
      cause = error;
    });
    worker.on("exit", (code) => {
      members.delete(member);
      if (stopping) return;
      const crash = new WorkerCrashedError(`A worker ended with exit code ${code}.`, { cause });
      for (const job of member.jobs.values()) job.reject(crash);
      member.loading?.reject(crash);
      onFault("worker-crashed", cause ?? crash);
      replace();
    });
    return member;
  };

  const replace = (): void => {
    // At once after a single crash; ever later when the replacements crash, too.
    setTimeout(() => {
      if (stopping) return;
      const member = start();
      void inTurn(() => models.bring(member));
    }, restartDelay).unref();
    restartDelay = Math.min(MAX_RESTART_DELAY_MS, Math.max(1000, restartDelay * 2));
  };

  const grow = (): void => {
    const missing = grown ? 0 : size - 1;
    grown = true;
    void inTurn(() => Promise.all(Array.from({ length: missing }, () => models.bring(start()))));
  };

  const stop = async (): Promise<void> => {
    stopping = true;
    await Promise.all([...members].map(({ worker }) => endWorker(worker)));
  };

  start();
  return {
    ...{ grow, queued, stop },
    use: (model) => inTurn(() => models.use(model)),
    add: (model) => inTurn(() => models.add(model)),
    remove: (digest) => inTurn(() => models.remove(digest)),
    predict: (image, signal, { extras, priority } = {}) =>
      submit({ type: "predict", image, ...(extras && { extras }) }, signal, {
        priority,
      }),
    infer: (request, signal, digest) => submit({ type: "infer", ...request }, signal, { digest }),
    ready: () => [...members].filter((member) => member.ready).length,
  };
};
