import { Hono } from "hono";
import type { ServiceEnv } from "../observe.ts";
import { PAGE_HEADERS } from "../page-headers.ts";

/** `GET /openapi.json` for programs, `GET /docs` for people. @param version the service's */
export const openApiRoutes = (version: string): Hono<ServiceEnv> => {
  // Made once, and not before somebody asks: a start must not wait for it.
  const make = async (): Promise<{ readonly json: string; readonly page: string }> => {
    const { createOpenApiDocument } = await import("../openapi/document.ts");
    const { openApiPage } = await import("../openapi/page.ts");
    const document = createOpenApiDocument(version);
    return { json: JSON.stringify(document), page: openApiPage(document) };
  };
  let made: ReturnType<typeof make> | undefined;
  const app = new Hono<ServiceEnv>();
  app.get("/openapi.json", async (c) => {
    made ??= make();
    return c.body((await made).json, 200, { "content-type": "application/json" });
  });
  app.get("/docs", async (c) => {
    made ??= make();
    return c.body((await made).page, 200, PAGE_HEADERS);
  });
  return app;
};
