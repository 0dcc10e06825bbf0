/** What can be done to a photo, in the order in which it is done: each step uses what the ones before it found. */
export const STEPS = ["segment", "qa", "tag", "export"] as const;
export type Step = (typeof STEPS)[number];

/** The known ones among the tasks, each once and in the fixed order, whatever the order given. */
export const plan = (tasks: readonly string[]): Step[] =>
  STEPS.filter((step) => tasks.includes(step));
