import { execFile } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join, resolve } from "node:path";
import { json } from "node:stream/consumers";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { useModelStore } from "../fixtures/model-store.ts";
import { colourImage, stubModel } from "../fixtures/models.ts";
import { installPython, withoutPython } from "../fixtures/python.ts";
import { statusOf } from "../fixtures/service-requests.ts";

/** OTLP's JSON, as far as it is looked at. */
type Attribute = { readonly key: string; readonly value: Readonly<Record<string, unknown>> };
type ReceivedSpan = {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly Attribute[];
};
type Export = {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly ReceivedSpan[] }[];
  }[];
};

const OTLP = resolve(import.meta.dirname, "../fixtures/otlp");
const skipped = await withoutPython();
const store = useModelStore();
let collector: Server;
let endpoint: string;
let received: Export[];
let paths: (string | undefined)[];

beforeEach(async () => {
  received = [];
  paths = [];
  collector = createServer((request, response) => {
    paths.push(request.url);
    void json(request).then((body) => {
      received.push(body as Export);
      response.setHeader("content-type", "application/json").end("{}");
    });
  }).listen(0, "127.0.0.1");
  await once(collector, "listening");
  endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
});
afterEach(async () => {
  collector.closeAllConnections();
  await new Promise((resolve) => collector.close(resolve));
});

const spansOf = (exports: readonly Export[]): readonly ReceivedSpan[] =>
  exports.flatMap(({ resourceSpans }) =>
    resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
  );
const attributesOf = (attributes: readonly Attribute[]): Record<string, unknown> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));

it("sends a trace of each request with its stages, and names it in the log and in problems", async () => {
  const model = await stubModel();
  await store.publish(model);
  const service = await store.start({
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test",
      // Nothing but the drain sends: what arrives was flushed.
      OTEL_BSP_SCHEDULE_DELAY: "600000",
    },
  });
  await service.serving();
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  const post = (body: Uint8Array, headers: Record<string, string> = {}) =>
    fetch(`${service.url}/predict`, {
      method: "POST",
      body: new Uint8Array(body),
      headers: { "content-type": "image/jpeg", ...headers },
    });
  const before = Date.now();
  const answer = await post(await colourImage("red"), {
    traceparent: `00-${traceId}-b7ad6b7169203331-01`,
    "x-request-id": "first",
  });
  expect(answer.status).toBe(200);
  const after = Date.now();
  const refused = await post(Buffer.from("no image"));
  const problem = (await refused.json()) as Record<string, unknown>;
  expect(problem["traceId"]).toMatch(/^[0-9a-f]{32}$/);
  expect(await statusOf(service, "/livez")).toBe(200);
  await service.logged((line) => line["requestId"] === problem["requestId"]);
  const traceOf = (requestId: unknown) =>
    service.logs.find((line) => line["requestId"] === requestId)?.["traceId"];
  expect(traceOf("first")).toBe(traceId);
  expect(traceOf(problem["requestId"])).toBe(problem["traceId"]);

  expect(received).toEqual([]);
  expect(await service.stop("SIGINT")).toBe(0);
  expect(new Set(paths)).toEqual(new Set(["/v1/traces"]));
  expect(attributesOf(received[0]?.resourceSpans[0]?.resource.attributes ?? [])).toMatchObject({
    "service.name": "image-classification",
    "deployment.environment.name": "test",
  });

  const spans = spansOf(received);
  const mine = spans.filter((span) => span.traceId === traceId);
  const root = mine.find(({ name }) => name === "POST /predict");
  expect(root).toMatchObject({ parentSpanId: "b7ad6b7169203331", kind: 2 });
  expect(attributesOf(root?.attributes ?? [])).toMatchObject({
    "http.route": "/predict",
    "http.response.status_code": 200,
    "request.id": "first",
  });
  const stages = mine.filter(({ parentSpanId }) => parentSpanId === root?.spanId);
  const time = (nanoseconds: string | undefined) => Number(BigInt(nanoseconds ?? 0) / 1000n) / 1000;
  stages.sort((a, b) => time(a.startTimeUnixNano) - time(b.startTimeUnixNano));
  expect(stages.map(({ name }) => name)).toEqual(["body", "queue", "decode", "queue", "infer"]);
  expect(attributesOf(stages.at(-1)?.attributes ?? [])["model.digest"]).toBe(model.digest);
  // One after the other without a gap, inside the request, at the time of day.
  let last = time(root?.startTimeUnixNano);
  expect(last).toBeGreaterThanOrEqual(before - 50);
  for (const { startTimeUnixNano, endTimeUnixNano } of stages) {
    expect(time(startTimeUnixNano)).toBeCloseTo(last, 0);
    last = time(endTimeUnixNano);
  }
  expect(last).toBeLessThanOrEqual(time(root?.endTimeUnixNano) + 0.01);
  expect(last).toBeLessThanOrEqual(after + 50);

  expect(spans.some(({ traceId: id }) => id === problem["traceId"])).toBe(true);
  expect(
    spans.map(({ name }) => name),
    "probes are no news",
  ).not.toContain("GET /livez");
});

it.skipIf(skipped)(
  `sends what OpenTelemetry's own protocol definitions can read${skipped}`,
  async () => {
    await store.publish(await stubModel());
    const service = await store.start({ env: { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint } });
    await service.serving();
    await fetch(`${service.url}/predict`, {
      method: "POST",
      body: new Uint8Array(await colourImage("red")),
      headers: { "content-type": "image/jpeg" },
    });
    await service.stop("SIGINT");
    const sent = spansOf(received);
    expect(sent.length).toBeGreaterThan(5);

    const python = await installPython(
      "otlp",
      await readFile(join(OTLP, "requirements.txt"), "utf8"),
    );
    const parsed: unknown[] = [];
    for (const request of received) {
      const parser = execFile(python, [join(OTLP, "parse.py")]);
      parser.stdin?.end(JSON.stringify(request));
      if (parser.stdout) parsed.push(...((await json(parser.stdout)) as unknown[]));
    }
    expect(parsed).toEqual(
      sent.map(({ name, traceId, spanId, parentSpanId = "", kind, ...span }) => ({
        ...{ name, traceId, spanId, parentSpanId, kind },
        ...{ start: span.startTimeUnixNano, end: span.endTimeUnixNano },
      })),
    );
  },
);

it("serves on when nobody takes the traces, and says so", async () => {
  await store.publish(await stubModel());
  collector.closeAllConnections();
  await new Promise((resolve) => collector.close(resolve));
  const service = await store.start({
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_BSP_SCHEDULE_DELAY: "10",
      OTEL_EXPORTER_OTLP_TIMEOUT: "100",
    },
  });
  await service.serving();
  await vi.waitFor(
    async () => {
      expect(await statusOf(service, "/")).toBe(200);
      expect(service.logs.some((line) => line["about"] === "traces")).toBe(true);
    },
    { timeout: 120_000 },
  );
  expect(await service.stop("SIGINT")).toBe(0);
});

it("asks for what it can send", async () => {
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" };
  await expect(store.start({ env })).rejects.toThrow(/ended with 1/);
});
