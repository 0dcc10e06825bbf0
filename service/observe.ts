import { randomUUID } from "node:crypto";
import type { HttpBindings } from "@hono/node-server";
import type { MiddlewareHandler } from "hono";
import { routePath } from "hono/route";
import type { Logger } from "pino";
import type { KeyOwner } from "./access/api-keys.ts";
import { ClientDeadlineError } from "./client-deadline.ts";
import type { Metrics } from "./metrics.ts";

export type ServiceEnv = {
  Bindings: HttpBindings;
  Variables: {
    requestId: string;
    /** Who bears the request's key, where keys are asked for. */
    owner?: KeyOwner;
    /** The request's trace, where traces are sent. */
    traceId?: string;
  };
};

const REQUEST_ID = /^[\w.:-]{1,128}$/;
/** Routes that probes, scrapers and those who wait for a job ask for all the time: their successes are no news. */
export const QUIET_ROUTES: ReadonlySet<string> = new Set([
  ...["/livez", "/readyz", "/health", "/metrics", "/jobs/:id"],
  ...["/v2/health/live", "/v2/health/ready", "/v2/models/:name/ready"],
]);
/** What counts for a request that its client gave up: it hung up, or its own time was over. */
const GIVEN_UP = 499;
const KNOWN_METHODS = new Set(["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]);

/**
 * Counts, times and logs every request, and gives it an id: the sender's `x-request-id` when it is a plausible one.
 * Labels hold the route's pattern, never the path: a scanner must not create series.
 */
export const observe = (metrics: Metrics, log: Logger): MiddlewareHandler<ServiceEnv> =>
  async function observeRequest(c, next) {
    const started = performance.now();
    const offered = c.req.header("x-request-id");
    const requestId = offered !== undefined && REQUEST_ID.test(offered) ? offered : randomUUID();
    c.set("requestId", requestId);
    // Now and not behind the handler: a header that is added to a finished answer makes a stream of its body.
    c.header("x-request-id", requestId);
    metrics.requestsInFlight.inc();
    try {
      await next();
    } finally {
      metrics.requestsInFlight.dec();
    }

    const pattern = routePath(c, -1);
    const route = pattern === "/*" || pattern === "*" ? "other" : pattern;
    const method = KNOWN_METHODS.has(c.req.method) ? c.req.method : "other";
    const answered = c.res.status;
    const status = c.error instanceof ClientDeadlineError ? GIVEN_UP : answered;
    const milliseconds = performance.now() - started;
    const labels = { method, route, status: String(status) };
    metrics.requests.inc(labels);
    metrics.requestDuration.observe(labels, milliseconds / 1000);

    const key = c.get("owner")?.name;
    const traceId = c.get("traceId");
    const level =
      status >= 500 ? "error" : QUIET_ROUTES.has(route) && status < 400 ? "debug" : "info";
    log[level](
      {
        ...{
          requestId,
          method,
          route,
          status,
          ...(answered !== status && { answered }),
          ...(key !== undefined && { key }),
          ...(traceId !== undefined && { traceId }),
        },
        milliseconds: Math.round(milliseconds * 100) / 100,
      },
      "request",
    );
  };
