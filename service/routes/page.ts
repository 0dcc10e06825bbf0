import { randomBytes } from "node:crypto";
import { type Context, Hono } from "hono";
import { accepts } from "hono/accepts";
import type { Lifecycle } from "../lifecycle.ts";
import type { ServiceEnv } from "../observe.ts";
import { ProblemError } from "../problem.ts";

export type PageRouteOptions = {
  readonly lifecycle: Lifecycle;
  /** Most bytes of a photo. */
  readonly maxBytes: number;
  /** The answer of `GET /` to programs. */
  readonly description: object;
};

/** Only the page's own style sheet and script count, and they talk to this service alone and never write HTML. */
const policyOf = (nonce: string): string =>
  [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src 'nonce-${nonce}'`,
    "connect-src 'self'",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; ");

const NO_SNIFF = { "x-content-type-options": "nosniff" };

/** `GET /`: the page for those who ask for HTML, as browsers do, and a description of the service for others. `GET /page/*`: its scripts. */
export const pageRoute = (options: PageRouteOptions): Hono<ServiceEnv> => {
  const { lifecycle, maxBytes, description } = options;
  let scripts: Promise<ReadonlyMap<string, string>> | undefined;

  const page = async (c: Context<ServiceEnv>): Promise<Response> => {
    // Not a static import: a start must not wait for a page that nobody asked for yet.
    const { renderPage } = await import("../page/page.ts");
    const nonce = randomBytes(18).toString("base64");
    return c.body(renderPage({ model: lifecycle.model, maxBytes, nonce }), 200, {
      ...NO_SNIFF,
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": policyOf(nonce),
      "cache-control": "no-store",
      "referrer-policy": "no-referrer",
      vary: "accept",
    });
  };

  const app = new Hono<ServiceEnv>();
  app.get("/", (c) => {
    const supports = ["application/json", "text/html"];
    const wanted = accepts(c, { header: "Accept", supports, default: "application/json" });
    return wanted === "text/html" ? page(c) : c.json(description, 200, { vary: "accept" });
  });
  app.get("/page/:script", async (c) => {
    scripts ??= import("../page/scripts.ts").then(({ readScripts }) => readScripts());
    const script = (await scripts).get(c.req.param("script"));
    if (script === undefined) {
      throw new ProblemError("not-found", "The page has no such script; GET / is the page.");
    }
    const headers = { ...NO_SNIFF, "cache-control": "no-cache" };
    return c.body(script, 200, { ...headers, "content-type": "text/javascript; charset=utf-8" });
  });
  return app;
};
