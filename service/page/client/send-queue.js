/** @import { Busy, Outcome, Unreached } from "./outcome.js" */

/** How often in a row a photo is offered, while nothing else gets through, before people are asked to do it. */
const MAX_TRIES = 10;
/** Longest pause where no service says for how long: it may be back at any moment. */
const MAX_WAIT_SECONDS = 30;

/**
 * How long nothing is sent after an outcome. Without a service to name a time the wait doubles from one second.
 *
 * @param {Busy | Unreached} outcome
 * @param {number} tries
 */
const waitAfter = (outcome, tries) =>
  outcome.kind === "busy" ? outcome.seconds : Math.min(MAX_WAIT_SECONDS, 2 ** (tries - 1));

/**
 * How long nothing is sent, and why. @typedef {{ readonly seconds: number, readonly kind: "busy" | "unreached" }} Pause
 */

/**
 * @template Job
 * @typedef {{
 *   readonly concurrency: number,
 *   readonly ask: (job: Job, signal: AbortSignal) => Promise<Outcome>,
 *   readonly onStart: (job: Job) => void,
 *   readonly onOutcome: (job: Job, outcome: Outcome) => void,
 *   readonly onPause: (pause: Pause | undefined) => void,
 *   readonly sleep: (seconds: number) => Promise<void>,
 * }} SendQueueOptions
 * `ask` may reject only when its signal is aborted. `onOutcome` gets the last outcome of a job, which is `busy`
 * or `unreached` when all tries were in vain. `onPause` hears how long nothing is sent, and undefined when it goes on.
 */

/**
 * Sends jobs in their order, few at a time. When the service is busy nothing at all is sent until the time that it names
 * is over, and when it cannot be reached for a time that grows; what did not get through comes first then.
 *
 * @template Job
 * @param {SendQueueOptions<Job>} options
 */
export const createSendQueue = ({ concurrency, ask, onStart, onOutcome, onPause, sleep }) => {
  /** @typedef {{ readonly job: Job, readonly place: number, readonly tries: number, readonly through: number }} Waiting */
  /** @type {Waiting[]} */
  let waiting = [];
  let controller = new AbortController();
  let active = 0;
  /** Jobs that were added. */
  let added = 0;
  /** Jobs that got through: tries count from the last one on, for the service does what it can. */
  let through = 0;
  /** The pause that counts: the last one that began. */
  let pause = 0;
  let pausedUntil = Number.NEGATIVE_INFINITY;

  /** @param {Pause} pausing */
  const hold = async (pausing) => {
    const { seconds } = pausing;
    const until = performance.now() + seconds * 1000;
    // Several refusals of one moment are one pause.
    if (until <= pausedUntil) return;
    pausedUntil = until;
    pause += 1;
    const mine = pause;
    onPause(pausing);
    await sleep(seconds);
    if (mine !== pause) return;
    pausedUntil = Number.NEGATIVE_INFINITY;
    onPause(undefined);
    fill();
  };

  /**
   * @param {Waiting} next
   * @param {Outcome} outcome
   */
  const settle = ({ job, place, ...before }, outcome) => {
    if (outcome.kind !== "busy" && outcome.kind !== "unreached") {
      through += 1;
      onOutcome(job, outcome);
      return;
    }
    const tries = before.through === through ? before.tries : 1;
    if (tries === MAX_TRIES) {
      onOutcome(job, outcome);
      return;
    }
    // In its old place: behind those that came later it would be refused again.
    waiting.push({ job, place, tries: tries + 1, through });
    waiting.sort((a, b) => a.place - b.place);
    void hold({ seconds: waitAfter(outcome, tries), kind: outcome.kind });
  };

  /** @param {Waiting} next */
  const run = async (next) => {
    const { signal } = controller;
    active += 1;
    try {
      onStart(next.job);
      const outcome = await ask(next.job, signal);
      if (!signal.aborted) settle(next, outcome);
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
      added += 1;
      waiting.push({ job, place: added, tries: 1, through });
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
