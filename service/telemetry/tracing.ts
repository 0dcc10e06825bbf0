/*
 * Imported only when somebody wants traces: nothing else may import it but as a type.
 */
import type { IncomingMessage } from "node:http";
import {
  type Attributes,
  type Context,
  context,
  DiagLogLevel,
  diag,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TextMapGetter,
  trace,
} from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { detectResources, envDetector, resourceFromAttributes } from "@opentelemetry/resources";
import { BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";
import type { MiddlewareHandler } from "hono";
import { routePath } from "hono/route";
import type { Logger } from "pino";
import type { BuildInfo } from "../build-info.ts";
import { QUIET_ROUTES, type ServiceEnv } from "../observe.ts";

/** Where the time of one prediction went; milliseconds. Points of time are those of `performance.now`. */
type PredictionTimes = {
  readonly model: { readonly name: string; readonly digest: string };
  /** When the body was read, and the work put into the queue. */
  readonly queuedAt: number;
  /** When the answer came from the worker. */
  readonly answeredAt: number;
  /** What the worker took: decoding, waiting for its network, and running that. */
  readonly decode: number;
  readonly queue: number;
  readonly infer: number;
};

export type Tracing = {
  /** Makes a span of every request but those of probes and scrapers, and names its trace to the log and the answer. */
  readonly middleware: MiddlewareHandler<ServiceEnv>;
  /** Adds the stages of a prediction to its request's trace. */
  recordPrediction(incoming: IncomingMessage, times: PredictionTimes): void;
  /** Sends what is left, for three seconds at most. */
  stop(): Promise<void>;
};

const STOP_MS = 3000;

const header: TextMapGetter<IncomingMessage["headers"]> = {
  keys: Object.keys,
  get: (headers, name) => headers[name],
};

/** A point of `performance.now` as the time of day, with its fraction of a millisecond. */
const timeOf = (point: number): number => performance.timeOrigin + point;

/** What goes wrong with the sending of traces is a warning, and nobody's request fails for it. */
const tellLog = (log: Logger): void => {
  const warn = (message: string): void => log.warn({ about: "traces" }, message);
  const silent = (): void => undefined;
  diag.setLogger(
    { error: warn, warn, info: silent, debug: silent, verbose: silent },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
};

/**
 * Sends traces over OTLP (HTTP, JSON), as the variables OTEL_EXPORTER_OTLP_*, OTEL_TRACES_SAMPLER*, OTEL_BSP_*,
 * OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say, which the SDK reads by itself.
 */
export const createTracing = (build: BuildInfo, log: Logger): Tracing => {
  tellLog(log);
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({
      "service.name": "image-classification",
      "service.version": build.version,
    }).merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
  });
  const tracer = provider.getTracer("image-classification");
  const propagator = new W3CTraceContextPropagator();
  const requests = new WeakMap<IncomingMessage, { readonly span: Span; readonly at: number }>();

  const middleware: MiddlewareHandler<ServiceEnv> = async function traceRequest(c, next) {
    const route = routePath(c, -1);
    if (QUIET_ROUTES.has(route)) return next();
    const { incoming } = c.env;
    const caller = propagator.extract(ROOT_CONTEXT, incoming.headers, header);
    const at = performance.now();
    const span = tracer.startSpan(
      `${c.req.method} ${route}`,
      {
        kind: SpanKind.SERVER,
        startTime: timeOf(at),
        attributes: {
          "http.request.method": c.req.method,
          "http.route": route,
          "url.path": c.req.path,
          "request.id": c.get("requestId"),
        },
      },
      caller,
    );
    requests.set(incoming, { span, at });
    c.set("traceId", span.spanContext().traceId);
    await next();
    const { status } = c.res;
    span.setAttribute("http.response.status_code", status);
    if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end(timeOf(performance.now()));
  };

  const stage = (
    parent: Context,
    name: string,
    [from, to]: readonly [number, number],
    attributes: Attributes = {},
  ): void => {
    const options = { kind: SpanKind.INTERNAL, startTime: timeOf(from), attributes };
    tracer.startSpan(name, options, parent).end(timeOf(Math.max(from, to)));
  };

  const recordPrediction: Tracing["recordPrediction"] = (incoming, times) => {
    const request = requests.get(incoming);
    if (!request?.span.isRecording()) return;
    const { queuedAt, answeredAt, model } = times;
    const parent = trace.setSpan(context.active(), request.span);
    // Backwards from the answer, which this thread hears at once. A worker may hear late of its work: until then the
    // work was still waiting for it.
    const inferAt = answeredAt - times.infer;
    const decodedAt = inferAt - times.queue;
    const decodeAt = Math.max(queuedAt, decodedAt - times.decode);
    stage(parent, "body", [request.at, queuedAt]);
    stage(parent, "queue", [queuedAt, decodeAt], { "queue.for": "worker" });
    stage(parent, "decode", [decodeAt, decodedAt]);
    stage(parent, "queue", [decodedAt, inferAt], { "queue.for": "network" });
    stage(parent, "infer", [inferAt, answeredAt], {
      "model.name": model.name,
      "model.digest": model.digest,
    });
  };

  const stop = async (): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, STOP_MS);
    const sent = provider.shutdown().catch((error: unknown) => {
      log.warn({ err: error, about: "traces" }, "the last traces could not be sent");
    });
    await Promise.race([sent, promise]);
    clearTimeout(timer);
  };

  return { middleware, recordPrediction, stop };
};
