/** @import { Outcome } from "./outcome.js" */

/** How often a photo is offered to a busy service before people are asked to do it. */
const MAX_TRIES = 10;

/**
 * @template Job
 * @typedef {{
 *   readonly concurrency: number,
 *   readonly ask: (job: Job, signal: AbortSignal) => Promise<Outcome>,
 *   readonly onStart: (job: Job) => void,
 *   readonly onOutcome: (job: Job, outcome: Outcome) => void,
 *   readonly onPause: (seconds: number | undefined) => void,
 *   readonly sleep: (seconds: number) => Promise<void>,
 * }} SendQueueOptions
 * `ask` may reject only when its signal is aborted. `onOutcome` gets the last outcome of a job, which is `busy` when all
 * tries were refused. `onPause` hears how long nothing is sent because the service is busy, and undefined when it goes on.
 */

/**
 * Sends jobs in their order, few at a time. When the service is busy nothing at all is sent until the time that it names
 * is over, and what it refused comes first then.
 *
 * @template Job
 * @param {SendQueueOptions<Job>} options
 */
export const createSendQueue = ({ concurrency, ask, onStart, onOutcome, onPause, sleep }) => {
  /** @typedef {{ readonly job: Job, readonly tries: number }} Waiting */
  /** @type {Waiting[]} */
  let waiting = [];
  let controller = new AbortController();
  let active = 0;
  /** The pause that counts: the last one that began. */
  let pause = 0;
  let pausedUntil = Number.NEGATIVE_INFINITY;

  /** @param {number} seconds */
  const hold = async (seconds) => {
    const until = performance.now() + seconds * 1000;
    // Several refusals of one moment are one pause.
    if (until <= pausedUntil) return;
    pausedUntil = until;
    pause += 1;
    const mine = pause;
    onPause(seconds);
    await sleep(seconds);
    if (mine !== pause) return;
    pausedUntil = Number.NEGATIVE_INFINITY;
    onPause(undefined);
    fill();
  };

  /** @param {Waiting} next */
  const run = async ({ job, tries }) => {
    const { signal } = controller;
    active += 1;
    try {
      onStart(job);
      const outcome = await ask(job, signal);
      if (signal.aborted) return;
      if (outcome.kind === "busy" && tries < MAX_TRIES) {
        waiting.unshift({ job, tries: tries + 1 });
        void hold(outcome.seconds);
      } else onOutcome(job, outcome);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      active -= 1;
      fill();
    }
  };

  const fill = () => {
    while (active < concurrency && pausedUntil === Number.NEGATIVE_INFINITY) {
      const next = waiting.shift();
      if (next === undefined) return;
      void run(next);
    }
  };

  return {
    /** @param {Job} job */
    add(job) {
      waiting.push({ job, tries: 1 });
      fill();
    },
    /** Forgets what waits, and gives up what is under way: no outcome of it is heard any more. */
    clear() {
      waiting = [];
      controller.abort();
      controller = new AbortController();
    },
  };
};
