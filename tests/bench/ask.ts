import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

/** Sends a message to a program of this folder, and gives its answer. @throws when it ends without one */
export const askProcess = async <T>(child: ChildProcess, task: object): Promise<T> => {
  const controller = new AbortController();
  const { signal } = controller;
  const ended = once(child, "exit", { signal }).then(([code]) => {
    throw new Error(`a measuring process ended with ${code} before it answered`);
  });
  // Of no interest once the answer is there.
  ended.catch(() => undefined);
  child.send(task);
  try {
    const [answer] = await Promise.race([once(child, "message", { signal }), ended]);
    return answer as T;
  } finally {
    controller.abort();
  }
};

/** Starts a program of this folder that answers messages. */
export const forkProgram = (program: string): ChildProcess =>
  fork(join(import.meta.dirname, program));

/** Asks a program once, and waits for its end. */
export const askOnce = async <T>(program: string, task: object): Promise<T> => {
  const child = forkProgram(program);
  const ended = once(child, "exit");
  const answer = await askProcess<T>(child, task);
  await ended;
  return answer;
};
