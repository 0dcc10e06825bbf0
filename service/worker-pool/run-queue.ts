import type { Priority } from "./messages.ts";

/** What is ready to be run, one after the other. */
export type RunQueue = {
  /** Has it run when nothing else does: behind what was ready before, but in front of what is worth less. */
  add(run: () => Promise<void>, priority: Priority): void;
};

/** Runs what it is given in the order in which it was ready, `interactive` before `background`. No run may fail. */
export const createRunQueue = (): RunQueue => {
  const ready: Readonly<Record<Priority, (() => Promise<void>)[]>> = {
    interactive: [],
    background: [],
  };
  let running = false;

  const next = () => ready.interactive.shift() ?? ready.background.shift();
  const drain = async (): Promise<void> => {
    if (running) return;
    running = true;
    for (let run = next(); run; run = next()) await run();
    running = false;
  };
  return {
    add: (run, priority) => {
      ready[priority].push(run);
      void drain();
    },
  };
};
