import { connect } from "node:net";

/** A keep-alive connection that asks one thing at a time. */
export type Connection = {
  /** Sends a whole request, and gives the answer's status, or 0 when the connection broke. */
  ask(request: Buffer): Promise<number>;
  close(): void;
};

const HEADERS_END = "\r\n\r\n";

/** The length of the whole answer once its headers are there; undefined before. */
const answerLength = (received: Buffer): number | undefined => {
  const end = received.indexOf(HEADERS_END);
  if (end < 0) return undefined;
  const length = /\r\ncontent-length: *(\d+)/i.exec(received.toString("latin1", 0, end + 2))?.[1];
  if (length === undefined) throw new Error("the server answers without a Content-Length");
  return end + HEADERS_END.length + Number(length);
};

/**
 * Opens a connection that costs as little as can be: requests are bytes that were made before, and of an answer only the
 * status and the length are read. On two cores what the generator takes is taken from the server.
 */
export const openConnection = (url: string): Connection => {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname).setNoDelay();
  let received = Buffer.alloc(0);
  let answer: ((status: number) => void) | undefined;
  let closed = false;

  const finish = (status: number): void => {
    received = Buffer.alloc(0);
    const done = answer;
    answer = undefined;
    done?.(status);
  };
  socket.on("data", (chunk) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    const length = answerLength(received);
    // "HTTP/1.1 200": the status is at 9.
    if (length !== undefined && received.length >= length) {
      finish(Number(received.toString("latin1", 9, 12)));
    }
  });
  // An error is followed by the close.
  socket.on("error", () => undefined);
  socket.on("close", () => {
    closed = true;
    finish(0);
  });
  return {
    ask: (request) =>
      new Promise((resolve) => {
        if (closed) return resolve(0);
        answer = resolve;
        socket.write(request);
      }),
    close: () => socket.destroy(),
  };
};
