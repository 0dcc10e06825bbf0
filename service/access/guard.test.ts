import type { Server } from "node:http";
import { Hono } from "hono";
import pino from "pino";
import { Registry } from "prom-client";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createAdmission } from "../admission.ts";
import { createApp, ROUTES } from "../app.ts";
import type { Lifecycle } from "../lifecycle.ts";
import { createMetrics } from "../metrics.ts";
import { observe, type ServiceEnv } from "../observe.ts";
import { ProblemError } from "../problem.ts";
import { createHttpServer, listen } from "../server.ts";
import { createSlowBodies } from "../slow-bodies.ts";
import { eventually } from "../testing/eventually.ts";
import type { Pool } from "../worker-pool/pool.ts";
import { createFindKeyOwner, hashKey } from "./api-keys.ts";
import { type Access, guard, OPEN_ROUTES, requireScope } from "./guard.ts";
import { createRateLimit } from "./rate-limit.ts";

const build = { version: "1", commit: "c", node: "v0", onnxruntime: "0" };
const findKeyOwner = createFindKeyOwner([
  { name: "ci", scope: "predict", sha256: hashKey("icp_ci") },
  { name: "boss", scope: "admin", sha256: hashKey("icp_boss") },
]);
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const limitTo = (burst: number) => {
  const options = { perSecond: 0.5, burst, now: () => 0 };
  return { ...createRateLimit(options), ...options };
};

let server: Server | undefined;
let logged: string[] = [];
const lifecycle: Lifecycle = { phase: "serving", model: undefined };
const log = pino({ level: "debug" }, { write: (line) => logged.push(line) });
const metrics = () =>
  createMetrics(new Registry(), { queueDepth: () => 0, workersReady: () => 0, build });

const serve = async (app: Hono<ServiceEnv>): Promise<string> => {
  server = createHttpServer(app, 1);
  return `http://127.0.0.1:${await listen(server, 0, "127.0.0.1")}`;
};
const serveAll = (access?: Access): Promise<string> =>
  serve(
    createApp({
      repository: {
        loaded: vi.fn(),
        lease: vi.fn(),
        index: vi.fn(),
        load: vi.fn(),
        unload: vi.fn(),
      },
      pool: { ready: () => 0, queued: () => 0 } as unknown as Pool,
      lifecycle,
      build,
      log,
      admission: createAdmission({ sustained: 1, burst: 1, recoverMs: 1 }),
      metrics: metrics(),
      body: { maxBytes: 1000, timeoutSeconds: 1 },
      slowBodies: createSlowBodies({ maxBytes: 0, patienceMs: 0 }),
      deadlineSeconds: 600,
      maxBatch: 1,
      ...(access && { access }),
    }),
  );

/** One route that needs a key, and one that needs the scope `admin`. */
const serveTwo = (access?: Access): Promise<string> => {
  const app = new Hono<ServiceEnv>().use(observe(metrics(), log));
  if (access) app.use(guard(access, lifecycle));
  app.get("/predict", (c) => c.text("ok"));
  app.get("/admin", requireScope("admin"), (c) => c.text("ok"));
  app.onError((error, c) =>
    error instanceof ProblemError
      ? c.text(error.code, error.status as 401, error.headers)
      : c.text(String(error), 500),
  );
  return serve(app);
};

afterEach(async () => {
  logged = [];
  delete lifecycle.proof;
  server?.closeAllConnections();
  await new Promise((resolve) => server?.close(resolve));
});

describe("keys", () => {
  it("guard every route but the open ones", async () => {
    const base = await serveAll({ findKeyOwner, proxies: 0 });
    for (const [route, allow] of Object.entries(ROUTES)) {
      const method = allow.split(",")[0] ?? "";
      const response = await fetch(base + route.replaceAll(/:\w+/g, "x"), { method });
      const open = OPEN_ROUTES.has(route);
      expect(response.status === 401, `${method} ${route}`).toBe(!open);
    }
    expect((await fetch(`${base}/nothing`)).status, "and what is added later").toBe(401);
  });

  it.each([
    ["no key", {}, 401, /^Bearer realm="image-classification"$/],
    ["an unknown key", bearer("icp_other"), 401, /error="invalid_token"/],
    ["another scheme", { authorization: "Basic aWNwX2Np" }, 401, /error="invalid_token"/],
    ["nonsense", { authorization: "Bearer " }, 401, /error="invalid_token"/],
  ])("answer %s with a problem and how to ask", async (_, headers, status, challenge) => {
    const base = await serveAll({ findKeyOwner, proxies: 0 });
    const response = await fetch(`${base}/predict`, { method: "POST", headers });
    expect(response.status).toBe(status);
    expect(response.headers.get("www-authenticate")).toMatch(challenge);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    const problem = await response.json();
    expect(problem).toMatchObject({ type: "urn:image-classification:problem:unauthorized" });
    const protocol = await fetch(`${base}/v2/models/m`, { headers });
    expect(protocol.status).toBe(401);
    expect(await protocol.json()).toEqual({ error: expect.any(String) });
  });

  it("let their scope through, and the log has their name and nothing else of them", async () => {
    const base = await serveTwo({ findKeyOwner, proxies: 0 });
    const status = async (path: string, key: string) =>
      (await fetch(base + path, { headers: bearer(key) })).status;
    expect(await status("/predict", "icp_ci")).toBe(200);
    expect(await status("/predict", "icp_boss")).toBe(200);
    expect(await status("/admin", "icp_boss")).toBe(200);
    const refused = await fetch(`${base}/admin`, { headers: bearer("icp_ci") });
    expect(refused.status).toBe(403);
    expect(refused.headers.get("www-authenticate")).toMatch(
      /error="insufficient_scope", scope="admin"$/,
    );
    await eventually(() => expect(logged).toHaveLength(4));
    expect(logged.map((line) => JSON.parse(line).key)).toEqual(["ci", "boss", "boss", "ci"]);
    expect(logged.join()).not.toMatch(/icp_|[0-9a-f]{64}/);
  });

  it("are needed for what needs a scope, even where there are none", async () => {
    const base = await serveTwo();
    expect((await fetch(`${base}/predict`)).status).toBe(200);
    const refused = await fetch(`${base}/admin`, { headers: bearer("icp_boss") });
    expect([refused.status, await refused.text()]).toEqual([403, "forbidden"]);
  });

  it("are not needed by a service that asks itself before it serves", async () => {
    lifecycle.proof = "the secret";
    const base = await serveTwo({ findKeyOwner, proxies: 0, rateLimit: limitTo(1) });
    const ask = async (proof: string) =>
      (await fetch(`${base}/predict`, { headers: { "x-proof": proof } })).status;
    expect(await ask("a guess")).toBe(401);
    for (let i = 0; i < 3; i += 1) expect(await ask("the secret")).toBe(200);
  });
});

describe("a rate limit", () => {
  it("is told in every answer, and refuses what is above it", async () => {
    const base = await serveTwo({ rateLimit: limitTo(2), proxies: 0 });
    const first = await fetch(`${base}/predict`);
    expect(first.status).toBe(200);
    expect(first.headers.get("ratelimit-policy")).toBe('"requests";q=2;w=4');
    expect(first.headers.get("ratelimit")).toBe('"requests";r=1;t=2');
    await fetch(`${base}/predict`);
    const refused = await fetch(`${base}/predict`);
    expect([refused.status, await refused.text()]).toEqual([429, "rate-limited"]);
    expect(refused.headers.get("retry-after")).toBe("2");
    expect(refused.headers.get("ratelimit")).toBe('"requests";r=0;t=4');
  });

  it("counts by key where there are keys, and by address where there are none", async () => {
    const base = await serveTwo({ findKeyOwner, rateLimit: limitTo(1), proxies: 1 });
    const ask = async (key: string, from: string) =>
      (await fetch(`${base}/predict`, { headers: { ...bearer(key), "x-forwarded-for": from } }))
        .status;
    expect(await ask("icp_ci", "1.1.1.1")).toBe(200);
    expect(await ask("icp_ci", "2.2.2.2")).toBe(429);
    expect(await ask("icp_boss", "1.1.1.1")).toBe(200);
    server?.closeAllConnections();
    const open = await serveTwo({ rateLimit: limitTo(1), proxies: 1 });
    const from = async (address: string) =>
      (await fetch(`${open}/predict`, { headers: { "x-forwarded-for": address } })).status;
    expect([await from("1.1.1.1"), await from("1.1.1.1"), await from("2.2.2.2")]).toEqual([
      200, 429, 200,
    ]);
  });

  it("leaves probes and metrics alone", async () => {
    const base = await serveAll({ rateLimit: limitTo(1), proxies: 0 });
    for (const path of ["/livez", "/livez", "/metrics", "/metrics", "/v2/health/live", "/docs"]) {
      const response = await fetch(base + path);
      expect(response.status, path).toBe(200);
      expect(response.headers.get("ratelimit")).toBeNull();
    }
  });
});
