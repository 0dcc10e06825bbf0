import { Hono } from "hono";
import type { Registry } from "prom-client";
import type { ServiceEnv } from "../observe.ts";

/** `/metrics` in Prometheus' text format. */
export const metricsRoute = (registry: Registry): Hono<ServiceEnv> => {
  const app = new Hono<ServiceEnv>();
  app.get("/metrics", async (c) =>
    c.body(await registry.metrics(), 200, { "content-type": registry.contentType }),
  );
  return app;
};
