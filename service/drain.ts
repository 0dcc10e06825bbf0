import type { Server } from "node:http";
import type { Logger } from "pino";
import type { Lifecycle } from "./lifecycle.ts";

export type DrainOptions = {
  readonly servers: readonly Server[];
  readonly lifecycle: Lifecycle;
  /** Time for endpoints and load balancers to notice, seconds: the service still answers everything. */
  readonly delaySeconds: number;
  /** Longest wait for requests under way, seconds. */
  readonly timeoutSeconds: number;
  readonly log: Logger;
};

const close = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });

const wait = (seconds: number): { readonly over: Promise<"over">; readonly clear: () => void } => {
  const { promise, resolve } = Promise.withResolvers<"over">();
  const timer = setTimeout(() => resolve("over"), seconds * 1000);
  return { over: promise, clear: () => clearTimeout(timer) };
};

/**
 * Stops without a failed request: not ready first, still serving while clients move away, then no new connection, then
 * the end of what is under way. A close at once would refuse requests that are already on their way here, because an
 * orchestrator sends SIGTERM and takes the address out of its tables at the same time.
 */
export const drain = async (options: DrainOptions): Promise<void> => {
  const { servers, lifecycle, delaySeconds, timeoutSeconds, log } = options;
  lifecycle.phase = "draining";
  log.info({ delaySeconds, timeoutSeconds }, "draining");
  if (delaySeconds > 0) await wait(delaySeconds).over;

  lifecycle.phase = "closing";
  const limit = wait(timeoutSeconds);
  const outcome = await Promise.race([Promise.all(servers.map(close)), limit.over]);
  limit.clear();
  if (outcome === "over") {
    log.warn({ timeoutSeconds }, "requests were still under way; closing their connections");
    for (const server of servers) server.closeAllConnections();
  }
};
