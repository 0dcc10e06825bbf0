import { createBudget } from "./budget.ts";
import type { Photo } from "./job.ts";

/** For which a job's photos wait to be computed by this process: another replica may have taken it. */
const HOLD_MS = 60_000;

/** Photos of jobs that this process took, for when it is the one that computes them. */
export type HeldPhotos = {
  /** Holds a job's photos for a minute, if there is room for them. */
  hold(id: string, photos: readonly Photo[]): void;
  /** The photos of a job, if they are held; until it is dropped. */
  get(id: string): readonly Photo[] | undefined;
  /** Forgets a job's photos, if they are held. */
  drop(id: string): void;
};

/**
 * Spares a process the way of its own photos through Redis and back: who takes a job computes it as a rule, and where there
 * is one replica always. Redis has them all the same, for every other case.
 *
 * @param maxBytes of all that are held
 */
export const createHeldPhotos = (maxBytes: number): HeldPhotos => {
  const budget = createBudget(maxBytes);
  const held = new Map<
    string,
    { photos: readonly Photo[]; timer: NodeJS.Timeout; release(): void }
  >();
  const drop = (id: string): void => {
    const job = held.get(id);
    if (!job) return;
    held.delete(id);
    clearTimeout(job.timer);
    job.release();
  };
  return {
    hold: (id, photos) => {
      const release = budget.take(photos.reduce((sum, { bytes }) => sum + bytes.length, 0));
      if (!release) return;
      held.set(id, { photos, release, timer: setTimeout(drop, HOLD_MS, id).unref() });
    },
    get: (id) => {
      const job = held.get(id);
      clearTimeout(job?.timer);
      return job?.photos;
    },
    drop,
  };
};
