/**
 * Lets few pieces of work go on at a time, in their order. One that is not wanted any more when its turn comes is left
 * out.
 *
 * @param {number} atOnce
 */
export const createTurns = (atOnce) => {
  /** @typedef {{ readonly wanted: () => boolean, readonly work: () => Promise<void> }} Turn */
  /** @type {Turn[]} */
  const waiting = [];
  let active = 0;

  /** @param {Turn} turn */
  const run = async ({ work }) => {
    active += 1;
    try {
      await work();
    } finally {
      active -= 1;
      fill();
    }
  };

  const fill = () => {
    while (active < atOnce) {
      const next = waiting.shift();
      if (next === undefined) return;
      if (next.wanted()) void run(next);
    }
  };

  /**
   * @param {() => boolean} wanted
   * @param {() => Promise<void>} work
   */
  return (wanted, work) => {
    waiting.push({ wanted, work });
    fill();
  };
};
