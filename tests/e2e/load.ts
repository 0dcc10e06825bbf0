import { setTimeout as delay } from "node:timers/promises";

/** Requests that were sent and what failed of them. */
export type LoadResult = { readonly sent: number; readonly failures: readonly string[] };

/**
 * Sends requests at a steady rate, each on its own, until stopped; stopping waits for those under way. Slow enough for a
 * busy machine: no test here is one of its speed, and refusals of an overload would hide what a test looks for.
 *
 * @param everyMs time from one to the next
 */
export const steadyLoad = (
  send: () => Promise<Response>,
  everyMs = 150,
): { readonly stop: () => Promise<LoadResult> } => {
  const failures: string[] = [];
  const underWay = new Set<Promise<void>>();
  let sent = 0;
  let running = true;
  const one = async (): Promise<void> => {
    try {
      const response = await send();
      const body = await response.text();
      if (response.status !== 200) failures.push(`${response.status} ${body}`);
    } catch (error) {
      failures.push(String(error instanceof Error ? (error.cause ?? error) : error));
    }
  };
  const loop = (async () => {
    while (running) {
      sent += 1;
      const request = one();
      underWay.add(request);
      void request.finally(() => underWay.delete(request));
      await delay(everyMs);
    }
  })();
  return {
    stop: async () => {
      running = false;
      await loop;
      await Promise.all(underWay);
      return { sent, failures };
    },
  };
};
