import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { createServer } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { afterEach, expect, it, vi } from "vitest";
import { createS3Storage } from "./s3.ts";

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
});

/** What the SDK waits for at most, all of its attempts and the waits between them included. */
const LONGEST_MS = 120_000;

/** A storage on a server that takes requests and says nothing. */
const openSilent = async () => {
  vi.stubEnv("AWS_ACCESS_KEY_ID", "test");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "secret-of-the-test");
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const limits = { urlSeconds: 60, retentionSeconds: 60 };
  const storage = createS3Storage({
    ...{ bucket: "outputs", prefix: "", endpoint, region: "us-east-1", ...limits },
  });
  const close = (): void => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { storage, server, close };
};

it("gives up on a server that takes a request and says nothing", async () => {
  const { storage, server, close } = await openSilent();
  try {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    let outcome: unknown;
    const connected = once(server, "connection");
    storage.put("a.png", new Uint8Array(10), "image/png").then(
      () => (outcome = "kept"),
      (error: unknown) => (outcome = error),
    );
    // What it begins with reads files, for which the clock stands still.
    await connected;
    for (let waited = 0; waited < LONGEST_MS && !outcome; waited += 1000) {
      // The network is a real one, and has its turns between.
      for (let turns = 0; turns < 20; turns += 1) await turn();
      await vi.advanceTimersByTimeAsync(1000);
    }
    expect(outcome).toMatchObject({ name: "TimeoutError" });
  } finally {
    close();
  }
});

it("ends a put that nobody waits for any more, and its connection", async () => {
  const { storage, server, close } = await openSilent();
  try {
    const controller = new AbortController();
    const connected = once(server, "connection") as Promise<[Socket]>;
    const put = storage.put("a.png", new Uint8Array(10), "image/png", controller.signal);
    const refused = expect(put).rejects.toMatchObject({ name: "AbortError" });
    const [socket] = await connected;
    socket.resume();
    const ended = once(socket, "close");
    controller.abort();
    await refused;
    await ended;
  } finally {
    close();
  }
});
