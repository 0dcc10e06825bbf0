import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { expect, it } from "vitest";
import { readBody } from "./body.ts";

it("gives up at once when the client hung up before anybody read", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    socket.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
    const [incoming, outgoing] = (await once(server, "request")) as [
      IncomingMessage,
      ServerResponse,
    ];
    const closed = once(outgoing, "close");
    socket.destroy();
    await closed;
    const read = readBody(incoming, outgoing, { maxBytes: 100, timeoutSeconds: 3600 });
    await expect(read).rejects.toMatchObject({ code: "cancelled" });
  } finally {
    server.close();
  }
});
