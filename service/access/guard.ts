import type { MiddlewareHandler } from "hono";
import { routePath } from "hono/route";
import type { Lifecycle } from "../lifecycle.ts";
import type { ServiceEnv } from "../observe.ts";
import { ProblemError } from "../problem.ts";
import { PROOF_HEADER } from "../prove-answers.ts";
import type { FindKeyOwner, Scope } from "./api-keys.ts";
import { clientAddress } from "./client-address.ts";
import type { RateLimit } from "./rate-limit.ts";

/** Who may ask, and how often. Each is off when it is not there. */
export type Access = {
  readonly findKeyOwner?: FindKeyOwner;
  readonly rateLimit?: RateLimit & { readonly perSecond: number; readonly burst: number };
  /** Proxies in front of the service that add to X-Forwarded-For. */
  readonly proxies: number;
};

/**
 * Routes for everyone, as often as they like: probes, metrics, what describes the service, and outputs, whose links are
 * signed. Every other one is guarded.
 */
export const OPEN_ROUTES: ReadonlySet<string> = new Set([
  ...["/", "/page/:script", "/openapi.json", "/docs", "/status", "/outputs/:key"],
  ...["/livez", "/readyz", "/health", "/metrics"],
  ...["/v2", "/v2/health/live", "/v2/health/ready"],
  ...["/v2/models/:name/ready", "/v2/models/:name/versions/:version/ready"],
]);

const BEARER = /^bearer +([\w.~+/-]{1,512}=*)$/i;
const POLICY = "requests";

const unauthorized = (detail: string, error = ""): ProblemError =>
  new ProblemError("unauthorized", detail, {
    headers: { "www-authenticate": `Bearer realm="image-classification"${error}` },
  });

/**
 * Lets only requests with a known key through (`Authorization: Bearer …`, RFC 6750) when there are keys, and none too
 * often when there is a limit: by key, or by address where there are no keys. Both come before anything of the body is
 * read, and need no slot.
 */
export const guard = (
  { findKeyOwner, rateLimit, proxies }: Access,
  lifecycle: Lifecycle,
): MiddlewareHandler<ServiceEnv> => {
  const authenticate = (find: FindKeyOwner, authorization: string | undefined) => {
    if (authorization === undefined) {
      throw unauthorized("This path needs a key; send it as Authorization: Bearer <key>.");
    }
    const key = BEARER.exec(authorization)?.[1];
    const owner = key === undefined ? undefined : find(key);
    if (owner) return owner;
    throw unauthorized(
      "The key is not known; send one that is as Authorization: Bearer <key>.",
      ', error="invalid_token"',
    );
  };

  return async function guardRoute(c, next) {
    const { proof } = lifecycle;
    const own = proof !== undefined && c.req.header(PROOF_HEADER) === proof;
    if (own || OPEN_ROUTES.has(routePath(c, -1))) return next();

    if (findKeyOwner) c.set("owner", authenticate(findKeyOwner, c.req.header("authorization")));
    if (rateLimit) {
      const owner = c.get("owner");
      const client = owner ? `key ${owner.name}` : clientAddress(c.env.incoming, proxies);
      const { allowed, remaining, retryMs, fullMs } = rateLimit.take(client);
      const { perSecond, burst } = rateLimit;
      c.header("ratelimit-policy", `"${POLICY}";q=${burst};w=${Math.ceil(burst / perSecond)}`);
      c.header("ratelimit", `"${POLICY}";r=${remaining};t=${Math.ceil(fullMs / 1000)}`);
      if (!allowed) {
        throw new ProblemError(
          "rate-limited",
          `More than ${perSecond} requests a second came from you; wait as long as Retry-After says.`,
          { headers: { "retry-after": String(Math.ceil(retryMs / 1000)) } },
        );
      }
    }
    return next();
  };
};

/**
 * Lets only keys of a scope through, on top of {@link guard}. Without any keys there is nobody to trust with more than
 * predictions, so whatever needs more is refused.
 *
 * @example app.post("/v2/repository/models/:name/load", requireScope("admin"), handler)
 */
export const requireScope = (scope: Exclude<Scope, "predict">): MiddlewareHandler<ServiceEnv> =>
  async function requireScopeOfKey(c, next) {
    const owner = c.get("owner");
    if (owner?.scope === scope) return next();
    throw new ProblemError(
      "forbidden",
      owner
        ? `The key may not do this; send one with the scope "${scope}".`
        : `This needs a key with the scope "${scope}", and the service has no keys; set API_KEYS_FILE.`,
      {
        headers: {
          "www-authenticate": `Bearer realm="image-classification", error="insufficient_scope", scope="${scope}"`,
        },
      },
    );
  };
