import type { IncomingMessage, ServerResponse } from "node:http";
import { ProblemError } from "./problem.ts";

export type BodyLimits = {
  readonly maxBytes: number;
  /** Time for the whole body, seconds. */
  readonly timeoutSeconds: number;
};

/** Memory for a body of which nothing has arrived yet. */
const FIRST_BYTES = 64 * 1024;

const tooLarge = (maxBytes: number): ProblemError =>
  new ProblemError(
    "body-too-large",
    `The body has more than ${maxBytes} bytes; send a smaller image.`,
  );

/** What ends a request whose client is gone: nobody reads the answer, but metrics count it. */
export const hungUp = (): ProblemError =>
  new ProblemError("cancelled", "The client closed the connection.");

/** Who else takes part in the reading of a body. */
export type BodyReaders = {
  /** Ends it with its reason. */
  readonly signal?: AbortSignal;
  /** Told how many bytes have arrived so far, each time there are more. */
  readonly onReceived?: (bytes: number) => void;
};

/**
 * Reads a request's body into memory of its own, so that it can be handed to another thread without a copy.
 * Reading stops at the limit, with or without a Content-Length, and a body that drips is given up. What is announced gets
 * its memory once 64 KiB of it have arrived: who sends nothing takes next to nothing.
 *
 * @throws ProblemError `body-too-large`, `body-timeout` or `cancelled`, or the signal's reason
 */
export const readBody = (
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { maxBytes, timeoutSeconds }: BodyLimits,
  { signal, onReceived }: BodyReaders = {},
): Promise<Uint8Array<ArrayBuffer>> => {
  const declared = Number(incoming.headers["content-length"] ?? Number.NaN);
  if (declared > maxBytes) return Promise.reject(tooLarge(maxBytes));
  // It would neither end nor close any more.
  if (incoming.destroyed) return Promise.reject(hungUp());
  if (incoming.headers.expect) outgoing.writeContinue();

  return new Promise((resolve, reject) => {
    // Not from Node's shared pool: a pooled buffer cannot be transferred.
    let buffer = Buffer.allocUnsafeSlow(Math.min(declared || FIRST_BYTES, FIRST_BYTES));
    let length = 0;

    const settle = (finish: () => void): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      incoming.off("data", onData).off("end", onEnd).off("close", onClose).off("error", onClose);
      finish();
    };
    const fail = (problem: ProblemError): void => settle(() => reject(problem));
    const onAbort = (): void => settle(() => reject(signal?.reason));
    const onData = (chunk: Buffer): void => {
      const end = length + chunk.length;
      if (end > maxBytes) {
        fail(tooLarge(maxBytes));
        return;
      }
      if (end > buffer.length) {
        const wanted = declared || Math.max(end, 2 * buffer.length);
        const grown = Buffer.allocUnsafeSlow(Math.min(maxBytes, wanted));
        buffer.copy(grown, 0, 0, length);
        buffer = grown;
      }
      // As they come: joining a large body at its end would hold the main thread for up to 30 ms.
      chunk.copy(buffer, length);
      length = end;
      onReceived?.(length);
    };
    const onEnd = (): void => settle(() => resolve(buffer.subarray(0, length)));
    const onClose = (): void => fail(hungUp());
    const timer = setTimeout(
      () =>
        fail(
          new ProblemError(
            "body-timeout",
            `The body did not arrive within ${timeoutSeconds} s; send it faster.`,
            // The rest of the body is still on its way: this connection cannot be used again.
            { headers: { connection: "close" } },
          ),
        ),
      timeoutSeconds * 1000,
    );
    signal?.addEventListener("abort", onAbort);
    incoming.on("data", onData).on("end", onEnd).on("close", onClose).on("error", onClose);
  });
};
