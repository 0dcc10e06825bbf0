import type { IncomingMessage, Server } from "node:http";
import { connect, type Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { Hono } from "hono";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ServiceEnv } from "./observe.ts";
import { createHttpServer, listen } from "./server.ts";
import { eventually } from "./testing/eventually.ts";

/** A body that is on its way for 1.2 s, in pieces that are larger than what a stream holds. */
const PIECES = 15;
const PIECE = Buffer.alloc(200_000);
const PAUSE_MS = 80;

let server: Server;
let socket: Socket;
let received: string;
let incoming: IncomingMessage | undefined;

beforeEach(async () => {
  // Refuses at once, without a look at the body.
  const app = new Hono<ServiceEnv>().post("/", async (c) => {
    incoming = c.env.incoming;
    return c.text("full", 429);
  });
  server = createHttpServer(app, 1);
  const port = await listen(server, 0, "127.0.0.1");
  received = "";
  // It may go on sending when the server has ended its half.
  socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  socket.on("error", () => undefined);
  socket.on("data", (chunk) => {
    received += chunk;
  });
});
afterEach(async () => {
  socket.destroy();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const request = (header: string): string => `POST / HTTP/1.1\r\nhost: x\r\n${header}\r\n\r\n`;
const answers = (): number => received.match(/HTTP\/1\.1 429 /g)?.length ?? 0;
/** Sends for as long as it can. */
const drip = async (bytes: string | Uint8Array): Promise<void> => {
  while (!socket.closed) {
    socket.write(bytes);
    await wait(50);
  }
};

describe("a request that is answered before its body has come", () => {
  it("goes on to its end on a slow line, and the connection serves the next one", async () => {
    socket.write(request(`content-length: ${PIECES * PIECE.length}`));
    for (let i = 0; i < PIECES; i++) {
      socket.write(PIECE);
      await wait(PAUSE_MS);
    }
    expect(answers()).toBe(1);
    await eventually(() => expect(incoming?.complete).toBe(true));
    expect(incoming?.readableLength, "nothing of it was kept").toBe(0);
    socket.write(request("content-length: 0"));
    await eventually(() => expect(answers()).toBe(2));
    expect(socket.closed).toBe(false);
  });

  it("is ended when its body never is", async () => {
    server.headersTimeout = 500;
    server.requestTimeout = 500;
    socket.write(request("content-length: 1000000"));
    await drip("x");
    expect(answers()).toBe(1);
  });

  it.each([
    ["without a length", "transfer-encoding: chunked", "1\r\nx\r\n"],
    ["of more than 64 MiB", "content-length: 99999999", "x"],
  ])("is ended soon when its body is %s", async (_, header, piece) => {
    socket.write(request(header));
    await drip(piece);
    expect(answers()).toBe(1);
  });
});

it("ends the connection of a client that never sends a whole header, and goes on sending", async () => {
  server.headersTimeout = 500;
  server.requestTimeout = 500;
  socket.write("POST / HTTP/1.1\r\n");
  await drip("x: y\r\n");
  expect(received).toMatch(/^HTTP\/1\.1 408 /);
});
