import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import pino from "pino";
import { expect, it, onTestFinished, vi } from "vitest";
import { eventually } from "../testing/eventually.ts";
import { createRedisQueue } from "./redis-queue.ts";

const REFUSAL = "ERR max number of clients reached";

/** A Redis that refuses whatever it is asked. */
const startRefusing = async (): Promise<number> => {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.on("data", () => socket.write(`-${REFUSAL}\r\n`));
  }).listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
};

it("says why Redis refuses it, and keeps the password to itself", async () => {
  const logged: string[] = [];
  const queue = createRedisQueue({
    url: `redis://:secret@127.0.0.1:${await startRefusing()}`,
    work: { compute: vi.fn(), giveUp: vi.fn() },
    servedModel: () => undefined,
    ...{ photosAtOnce: 1, maxJobs: 1, attempts: 1, backoffMs: 1 },
    ...{ leaseSeconds: 10, retentionSeconds: 60, heldBytes: 0 },
    log: pino({}, { write: (line) => logged.push(line) }),
  });
  // Not awaited: it waits until Redis is back.
  onTestFinished(() => void queue.stop());
  await eventually(() => expect(logged).not.toEqual([]));
  expect(JSON.parse(logged[0] ?? "")).toMatchObject({
    err: { type: "ReplyError", message: REFUSAL },
  });
  expect(logged.join("")).not.toContain("secret");
});
