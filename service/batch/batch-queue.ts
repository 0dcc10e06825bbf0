import { ProblemError } from "../problem.ts";
import type { Job, JobProgress, Photo, Task } from "./job.ts";

/** Jobs that wait or are computed. */
type JobCounts = { readonly waiting: number; readonly active: number };

/** Takes batches of photos, has them computed when nobody else needs the workers, and keeps their results for a while. */
export type BatchQueue = {
  /** Whether jobs outlive this process. */
  readonly durable: boolean;
  /** Whether one more job would be taken; asked before anything of it is read. @throws ProblemError `queue-unavailable` */
  hasRoom(): Promise<boolean>;
  /**
   * Takes a job.
   *
   * @param task what is done to each photo
   * @param release called once the photos are not in this process's memory any more
   * @returns its id, a UUID
   * @throws ProblemError `queue-full` or `queue-unavailable`: then the job was not taken, and its photos are released
   */
  submit(photos: readonly Photo[], task: Task, release: () => void): Promise<string>;
  /** Undefined when there is no such job, or not any more. @throws ProblemError `queue-unavailable` */
  find(id: string): Promise<Job | undefined>;
  /** As {@link BatchQueue.find}, without the items. */
  progressOf(id: string): Promise<JobProgress | undefined>;
  /** Ends a job that has not ended, and forgets it. @returns whether there was one */
  remove(id: string): Promise<boolean>;
  counts(): Promise<JobCounts>;
  /** Forgets what is older than the retention. Absent where that goes by itself. @returns how many jobs */
  readonly sweep?: () => Promise<number>;
  /** Begins nothing more, and waits for the photos that are being computed. What a durable queue has left, another process goes on with. */
  stop(): Promise<void>;
};

/** What a batch gets for which there is no room. The wait is long for a request, and short for a batch. */
export const queueFull = (): ProblemError =>
  new ProblemError("queue-full", "Too many batches are waiting; send it again after 10 seconds.", {
    headers: { "retry-after": "10" },
  });
