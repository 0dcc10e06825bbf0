/** Bytes that may be held at once. */
export type Budget = {
  /** A function that gives the bytes back (calling it again does nothing), or undefined when there are not so many left. */
  take(bytes: number): (() => void) | undefined;
};

/** Bounds what uploads and waiting photos take of this process's memory. */
export const createBudget = (total: number): Budget => {
  let left = total;
  return {
    take: (bytes) => {
      if (bytes > left) return undefined;
      left -= bytes;
      let held = true;
      return function giveBack() {
        if (!held) return;
        held = false;
        left += bytes;
      };
    },
  };
};
