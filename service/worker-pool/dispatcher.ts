import type { Job, PoolAnswer } from "./job.ts";
import { interactiveOf, type Member, send } from "./member.ts";
import type { Priority, Work } from "./messages.ts";

/**
 * Images that a worker holds at once: one is computed while the next ones are decoded. What is in the background counts
 * for other work in the background only: a worker runs what is interactive before it, so that waits for one run at most.
 */
const DEPTH = 3;

type SubmitOptions = {
  /** A model that was added. @default the one that serves */
  readonly digest?: string | undefined;
  /** @default interactive */
  readonly priority?: Priority | undefined;
};

/** Creates the queues in front of the workers. @param members the workers, of which those that are ready are given work */
export const createDispatcher = (members: ReadonlySet<Member>) => {
  const queue = new Set<Job>();
  const background = new Set<Job>();
  let nextId = 0;

  const give = (job: Job, member: Member): void => {
    job.waited = performance.now() - job.queuedAt;
    const id = nextId++;
    member.jobs.set(id, job);
    const { work, digest, priority } = job;
    const bytes = work.type === "predict" ? work.image : work.body;
    job.cancel = () => send(member, { type: "cancel", id });
    send(member, { ...work, id, priority, ...(digest !== undefined && { digest }) }, [
      bytes.buffer,
    ]);
  };

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
      give(job, idlest);
    }
  };

  /** Gives workers what they can take now; to be called whenever one may take more than before. */
  const dispatch = (): void => {
    dispatchFrom(queue, interactiveOf);
    // Its buffers stay here until a worker has nothing better to do.
    if (queue.size === 0) dispatchFrom(background, ({ jobs }) => jobs.size);
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

  /** How much interactive work waits for a worker. */
  const queued = (): number => queue.size;

  return { submit, dispatch, queued };
};
