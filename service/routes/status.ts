import { Hono } from "hono";
import type { Logger } from "pino";
import type { ServiceEnv } from "../observe.ts";
import { PAGE_HEADERS } from "../page-headers.ts";
import type { StatusSource } from "../status/page.ts";

/** `GET /status`: the dashboards' panels, drawn as charts, for people. @param source undefined where no monitoring is set up */
export const statusRoute = (source: StatusSource | undefined, log: Logger): Hono<ServiceEnv> => {
  let make: ((refresh?: string) => Promise<string>) | undefined;
  const app = new Hono<ServiceEnv>();
  app.get("/status", async (c) => {
    // Not a static import: a start must not wait for a page that nobody asked for yet.
    const page = await import("../status/page.ts");
    const refresh = c.req.query("refresh");
    if (source === undefined) {
      return c.body(page.statusWithoutMonitoring(refresh), 200, PAGE_HEADERS);
    }
    make ??= page.createStatusPage(source);
    try {
      return c.body(await make(refresh), 200, PAGE_HEADERS);
    } catch (error) {
      log.warn({ err: error }, "the status page has no figures");
      return c.body(page.statusUnavailable(refresh), 200, PAGE_HEADERS);
    }
  });
  return app;
};
