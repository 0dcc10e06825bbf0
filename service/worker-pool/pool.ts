import type { Worker } from "node:worker_threads";
import type { ImageErrorCode } from "../../model/image-error.ts";
import { ImageError } from "../../model/image-error.ts";
import type { ModelMetadata } from "../../model/metadata.ts";
import { ModelError } from "../../model/model-error.ts";
import type { ModelReference } from "../../model/store.ts";
import type { InferenceBody } from "../inference-protocol/read-request.ts";
import { TensorError } from "../inference-protocol/tensor-error.ts";
import type {
  Answer,
  Extras,
  Priority,
  Results,
  Work,
  WorkerReply,
  WorkerRequest,
} from "./messages.ts";
import { startWorker } from "./start-worker.ts";

/**
 * Images that a worker holds at once: one is computed while the next ones are decoded. What is in the background counts
 * for other work in the background only: a worker runs what is interactive before it, so that waits for one run at most.
 */
const DEPTH = 3;
const MAX_RESTART_DELAY_MS = 30_000;

export type PoolOptions = {
  /** Worker threads, each with a session of one thread. */
  readonly size: number;
  /** Starts a worker. @default worker.ts as a thread */
  readonly start?: () => Worker;
  /** Told about each worker that ended without being asked to, and about a replacement that cannot load its model. */
  readonly onFault: (fault: "worker-crashed" | "worker-restart-failed", error: unknown) => void;
};

/** A worker that ended while it held the request. The request may be sent again. */
export class WorkerCrashedError extends Error {
  override readonly name = "WorkerCrashedError";
}

/** An answer with the model that made it, and what it waited for a worker, in milliseconds. */
export type PoolAnswer<Kind extends Work["type"]> = Results[Kind] & {
  readonly times: Answer["times"];
  readonly model: ModelMetadata;
  readonly waited: number;
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

type Job = {
  readonly work: Work;
  /** A model beside the one that serves. */
  readonly digest: string | undefined;
  readonly priority: Priority;
  readonly resolve: (answer: PoolAnswer<Work["type"]>) => void;
  readonly reject: (error: unknown) => void;
  readonly queuedAt: number;
  waited: number;
  /** Tells the worker that has it that nobody waits any more. */
  cancel?: () => void;
};

type SubmitOptions = {
  readonly digest?: string | undefined;
  readonly priority?: Priority | undefined;
};

type Member = {
  readonly worker: Worker;
  readonly jobs: Map<number, Job>;
  /** Digests of the models that it keeps beside the one that serves. */
  readonly beside: Set<string>;
  /** Whether it has the model that serves. */
  ready: boolean;
  loading:
    | { readonly resolve: (m: ModelMetadata) => void; readonly reject: (error: Error) => void }
    | undefined;
};

const send = (member: Member, request: WorkerRequest, transfer: ArrayBuffer[] = []): void =>
  member.worker.postMessage(request, transfer);

const interactiveOf = ({ jobs }: Member): number => {
  let count = 0;
  for (const { priority } of jobs.values()) if (priority === "interactive") count += 1;
  return count;
};

/** Starts a worker; the others when it is told to grow. */
export const createPool = (options: PoolOptions): Pool => {
  const { size, onFault, start: startThread = startWorker } = options;
  const members = new Set<Member>();
  const queue = new Set<Job>();
  const background = new Set<Job>();
  // The serving model, and the one before it, which may still owe answers.
  let known: readonly ModelMetadata[] = [];
  let current: ModelReference | undefined;
  // Models beside the serving one, by digest.
  const beside = new Map<
    string,
    { readonly model: ModelReference; readonly about: ModelMetadata }
  >();
  let changing: Promise<unknown> = Promise.resolve();
  let nextId = 0;
  let grown = false;
  let stopping = false;
  let restartDelay = 0;

  const dispatchFrom = (jobs: Set<Job>, heldBy: (member: Member) => number): void => {
    for (const job of jobs) {
      let idlest: Member | undefined;
      for (const member of members) {
        if (!member.ready || heldBy(member) >= DEPTH) continue;
        if (job.digest !== undefined && !member.beside.has(job.digest)) continue;
        if (!idlest || heldBy(member) < heldBy(idlest)) idlest = member;
      }
      if (!idlest) {
        // A worker that could take another model's work may be free all the same.
        if (job.digest !== undefined) continue;
        return;
      }
      jobs.delete(job);
      job.waited = performance.now() - job.queuedAt;
      const id = nextId++;
      idlest.jobs.set(id, job);
      const { work, digest, priority } = job;
      const bytes = work.type === "predict" ? work.image : work.body;
      const member = idlest;
      job.cancel = () => send(member, { type: "cancel", id });
      send(member, { ...work, id, priority, ...(digest !== undefined && { digest }) }, [
        bytes.buffer,
      ]);
    }
  };

  const dispatch = (): void => {
    dispatchFrom(queue, interactiveOf);
    // Its buffers stay here until a worker has nothing better to do.
    if (queue.size === 0) dispatchFrom(background, ({ jobs }) => jobs.size);
  };

  const receive = (member: Member, reply: WorkerReply): void => {
    if (reply.type === "loaded") {
      member.loading?.resolve(reply.metadata);
      return;
    }
    if (reply.type === "refused") {
      member.loading?.reject(new ModelError(reply.code, reply.message));
      return;
    }
    const job = member.jobs.get(reply.id);
    member.jobs.delete(reply.id);
    if (reply.type === "failed") job?.reject(failure(reply.code, reply.message));
    else {
      const { digest, ...answer } = reply.answer;
      const model =
        known.find((metadata) => metadata.digest === digest) ?? beside.get(digest)?.about;
      if (model) job?.resolve({ ...answer, model, waited: job.waited });
    }
    dispatch();
  };

  const loadInto = (
    member: Member,
    { directory, digest }: ModelReference,
    keep = false,
  ): Promise<ModelMetadata> =>
    new Promise<ModelMetadata>((resolve, reject) => {
      member.loading = { resolve, reject };
      send(member, { type: "load", directory, digest, keep });
    }).finally(() => {
      member.loading = undefined;
    });

  const serve = (member: Member, digest: string): void => {
    send(member, { type: "use", digest });
    member.ready = true;
    restartDelay = 0;
    dispatch();
  };

  const start = (): Member => {
    const worker = startThread();
    const member: Member = {
      ...{ worker, jobs: new Map(), beside: new Set() },
      ...{ ready: false, loading: undefined },
    };
    members.add(member);
    let cause: unknown;
    worker.on("message", (reply: WorkerReply) => receive(member, reply));
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

  const keepIn = async (member: Member, model: ModelReference): Promise<ModelMetadata> => {
    const about = await loadInto(member, model, true);
    member.beside.add(model.digest);
    dispatch();
    return about;
  };

  const forget = (digest: string): void => {
    beside.delete(digest);
    for (const member of members) {
      member.beside.delete(digest);
      send(member, { type: "drop", digest });
    }
  };

  /** Gives a new worker the model that serves, and those beside it. */
  const bring = async (member: Member): Promise<void> => {
    if (!current) return;
    try {
      await loadInto(member, current);
      serve(member, current.digest);
    } catch (error) {
      if (!members.has(member)) return;
      onFault("worker-restart-failed", error);
      await member.worker.terminate();
      return;
    }
    for (const { model } of beside.values()) {
      // It has the model that serves: that is worth more than the whole of what is beside it.
      await keepIn(member, model).catch((error: unknown) => {
        if (members.has(member)) onFault("worker-restart-failed", error);
      });
    }
  };

  const replace = (): void => {
    // At once after a single crash; ever later when the replacements crash, too.
    setTimeout(() => {
      if (stopping) return;
      const member = start();
      changing = changing.then(() => bring(member));
    }, restartDelay).unref();
    restartDelay = Math.min(MAX_RESTART_DELAY_MS, Math.max(1000, restartDelay * 2));
  };

  const change = async (model: ModelReference): Promise<ModelMetadata> => {
    const loaded: Member[] = [];
    let metadata: ModelMetadata | undefined;
    try {
      for (const member of [...members]) {
        metadata = await loadInto(member, model);
        loaded.push(member);
      }
      if (!metadata) throw new WorkerCrashedError("No worker is running; see the log.");
    } catch (error) {
      for (const member of members) send(member, { type: "discard" });
      throw error;
    }
    current = model;
    known = [metadata, ...known].slice(0, 2);
    // Not a worker that was replaced meanwhile: it has yet to load.
    for (const member of loaded) serve(member, model.digest);
    return metadata;
  };

  const grow = (): void => {
    const missing = grown ? 0 : size - 1;
    grown = true;
    changing = changing.then(() =>
      Promise.all(Array.from({ length: missing }, () => bring(start()))),
    );
  };

  const use = (model: ModelReference): Promise<ModelMetadata> => {
    // One change at a time, a restarted worker's loading included.
    const changed = changing.then(() => change(model));
    changing = changed.catch(() => undefined);
    return changed;
  };

  const addToAll = async (model: ModelReference): Promise<ModelMetadata> => {
    let about: ModelMetadata | undefined;
    try {
      for (const member of [...members]) about = await keepIn(member, model);
      if (!about) throw new WorkerCrashedError("No worker is running; see the log.");
    } catch (error) {
      forget(model.digest);
      throw error;
    }
    beside.set(model.digest, { model, about });
    return about;
  };

  const add = (model: ModelReference): Promise<ModelMetadata> => {
    const added = changing.then(() => addToAll(model));
    changing = added.catch(() => undefined);
    return added;
  };

  const remove = (digest: string): Promise<void> => {
    const removed = changing.then(() => forget(digest));
    changing = removed;
    return removed;
  };

  // A worker answers each kind of work with that kind of result.
  function submit(
    work: Extract<Work, { type: "predict" }>,
    signal: AbortSignal,
    options: SubmitOptions,
  ): Promise<PoolAnswer<"predict">>;
  function submit(
    work: Extract<Work, { type: "infer" }>,
    signal: AbortSignal,
    options: SubmitOptions,
  ): Promise<PoolAnswer<"infer">>;
  function submit(
    work: Work,
    signal: AbortSignal,
    { digest, priority = "interactive" }: SubmitOptions,
  ): Promise<PoolAnswer<Work["type"]>> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const queuedAt = performance.now();
      const job: Job = { work, digest, priority, resolve, reject, queuedAt, waited: 0 };
      const waiting = priority === "interactive" ? queue : background;
      signal.addEventListener(
        "abort",
        () => {
          waiting.delete(job);
          job.cancel?.();
          reject(signal.reason);
        },
        { once: true },
      );
      waiting.add(job);
      dispatch();
    });
  }

  const stop = async (): Promise<void> => {
    stopping = true;
    await Promise.all([...members].map((member) => member.worker.terminate()));
  };

  start();
  return {
    use,
    grow,
    add,
    remove,
    predict: (image, signal, { extras, priority } = {}) =>
      submit({ type: "predict", image, ...(extras && { extras }) }, signal, { priority }),
    infer: (request, signal, digest) => submit({ type: "infer", ...request }, signal, { digest }),
    queued: () => queue.size,
    ready: () => [...members].filter((member) => member.ready).length,
    stop,
  };
};

const failure = (code: ImageErrorCode | "bad-tensor" | undefined, message: string): Error => {
  if (code === undefined) return new Error(message);
  return code === "bad-tensor" ? new TensorError(message) : new ImageError(code, message);
};
