import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { getRequestListener } from "@hono/node-server";
import type { Hono } from "hono";
import type { ServiceEnv } from "./observe.ts";
import { PROBLEM_TYPE, ProblemError, problemBody } from "./problem.ts";

const HEADERS_TIMEOUT_MS = 10_000;
/** Longer than what proxies keep a connection, so that they and not we end it. */
const KEEP_ALIVE_MS = 75_000;
/**
 * A body up to this size comes to its end after an early answer, too, however slow the line: a connection that is closed while its
 * client still sends is reset, and the answer lost.
 */
const MAX_DISCARDED_BYTES = 64 * 2 ** 20;
/** For the client to read why its connection ends. */
const LINGER_MS = 1000;

const STATUS_LINE = {
  "bad-request": "400 Bad Request",
  "body-timeout": "408 Request Timeout",
  "headers-too-large": "431 Request Header Fields Too Large",
} as const;

const problemOf = (code: string | undefined): keyof typeof STATUS_LINE => {
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return "body-timeout";
  return code === "HPE_HEADER_OVERFLOW" ? "headers-too-large" : "bad-request";
};

const UNUSABLE_INIT = { status: 400, headers: { "content-type": PROBLEM_TYPE } };
const unusable = (code: keyof typeof STATUS_LINE): string =>
  problemBody(new ProblemError(code, "The request is not usable HTTP; check the client."), {
    path: "",
    requestId: randomUUID(),
  });

/** Answers what is no HTTP request at all, or never became a whole one: no handler ever sees these. */
const answerClientError = (error: NodeJS.ErrnoException, socket: Duplex): void => {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const code = problemOf(error.code);
  const body = unusable(code);
  socket.end(
    `HTTP/1.1 ${STATUS_LINE[code]}\r\nconnection: close\r\ncontent-type: ${PROBLEM_TYPE}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  // A client that goes on sending could keep its half of the connection open for ever.
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
};

/** Whether what a request still sends after its answer is known to be little enough to be read. */
const isDiscardable = ({ headers }: IncomingMessage): boolean =>
  Number(headers["content-length"]) <= MAX_DISCARDED_BYTES;

/**
 * Creates the HTTP server around an application.
 *
 * @param requestSeconds time for a whole request, headers and body; the application's own limit on a body is shorter
 */
export const createHttpServer = (app: Hono<ServiceEnv>, requestSeconds: number): Server => {
  const listenerFor = (autoCleanupIncoming: boolean) =>
    getRequestListener(app.fetch as Parameters<typeof getRequestListener>[0], {
      autoCleanupIncoming,
      errorHandler: () => new Response(unusable("bad-request"), UNUSABLE_INIT),
    });
  // Node throws away what is left of a body by itself, without keeping any of it, and requestTimeout bounds how long. The
  // library's clean-up ends the connection half a second after the answer.
  const [patient, strict] = [listenerFor(false), listenerFor(true)];
  const onRequest: RequestListener = (incoming, outgoing) =>
    void (isDiscardable(incoming) ? patient : strict)(incoming, outgoing);
  const server = createServer(
    {
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: HEADERS_TIMEOUT_MS + requestSeconds * 1000,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: 1000,
    },
    onRequest,
  );
  // A body that waits for permission is asked for only after its request got a slot.
  server.on("checkContinue", onRequest);
  server.on("clientError", answerClientError);
  return server;
};

/** Listens, and gives the port that it got. @throws the socket's error, such as EADDRINUSE */
export const listen = (server: Server, port: number, host: string): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
