import { setTimeout as delay } from "node:timers/promises";
import { kubectl } from "./support.ts";

/** One sample of an instant query. */
export type Sample = {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
};

/** Asks the cluster's Prometheus through the API server. @param path with its query: `/api/v1/targets` */
export const askPrometheus = async <T>(path: string): Promise<T> => {
  const service = "/api/v1/namespaces/monitoring/services/prometheus-operated:9090/proxy";
  const { code, stdout, stderr } = await kubectl("get", "--raw", `${service}${path}`);
  if (code !== 0) throw new Error(`Prometheus does not answer ${path}: ${stderr}`);
  return (JSON.parse(stdout) as { data: T }).data;
};

/** The samples that a query has now. */
export const query = async (expr: string): Promise<readonly Sample[]> =>
  (
    await askPrometheus<{ result: readonly Sample[] }>(
      `/api/v1/query?query=${encodeURIComponent(expr)}`,
    )
  ).result;

/** Asks again until the answer holds, at most for some seconds; the last one is what is returned. */
export const until = async <T>(
  seconds: number,
  ask: () => Promise<T>,
  holds: (answer: T) => boolean,
): Promise<T> => {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (holds(answer) || Date.now() > end) return answer;
    await delay(2000);
  }
};
