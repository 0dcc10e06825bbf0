/** Runs tasks side by side, at most `limit` at a time, in the order of their arrival. */
export const createLimit = (limit: number): (<T>(task: () => Promise<T>) => Promise<T>) => {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (task) => {
    if (running >= limit) await new Promise<void>((resolve) => waiting.push(resolve));
    else running += 1;
    try {
      return await task();
    } finally {
      const next = waiting.shift();
      // The place is handed over, not freed, so that nobody slips in between.
      if (next === undefined) running -= 1;
      else next();
    }
  };
};
