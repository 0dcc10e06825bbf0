import type { Worker } from "node:worker_threads";
import type { ModelMetadata } from "../../model/metadata.ts";
import type { ModelReference } from "../../model/model-files.ts";
import type { Job } from "./job.ts";
import type { WorkerRequest } from "./messages.ts";

/** A worker of the pool, and what the pool knows of it. */
export type Member = {
  readonly worker: Worker;
  /** What it was given and has not answered, by the id of its request. */
  readonly jobs: Map<number, Job>;
  /** Digests of the models that it keeps beside the one that serves. */
  readonly beside: Set<string>;
  /** Whether it has the model that serves. */
  ready: boolean;
  /** Settles the one load that it was asked for. */
  loading:
    | { readonly resolve: (m: ModelMetadata) => void; readonly reject: (error: Error) => void }
    | undefined;
};

/** A worker that has been given nothing yet. */
export const createMember = (worker: Worker): Member => ({
  ...{ worker, jobs: new Map(), beside: new Set() },
  ...{ ready: false, loading: undefined },
});

/** Sends it a request. @param transfer buffers that are handed over, and empty here afterwards */
export const send = (member: Member, request: WorkerRequest, transfer: ArrayBuffer[] = []): void =>
  member.worker.postMessage(request, transfer);

/** How much interactive work it has. */
export const interactiveOf = ({ jobs }: Member): number => {
  let count = 0;
  for (const { priority } of jobs.values()) if (priority === "interactive") count += 1;
  return count;
};

/**
 * Has it load a model; one at a time.
 *
 * @param keep beside the one that serves, until it is dropped
 * @throws ModelError, WorkerCrashedError
 */
export const loadInto = (
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
