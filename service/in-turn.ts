/** Runs what it is given one at a time, in the order in which it was given. A failure is its caller's, and stops no other. */
export type InTurn = <Result>(change: () => Result | Promise<Result>) => Promise<Result>;

/** Creates a row of changes that must not overlap. */
export const createInTurn = (): InTurn => {
  let last: Promise<unknown> = Promise.resolve();
  return (change) => {
    const done = last.then(change);
    last = done.catch(() => undefined);
    return done;
  };
};
