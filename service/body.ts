import type { IncomingMessage, ServerResponse } from "node:http";
import { ProblemError } from "./problem.ts";

export type BodyLimits = {
  readonly maxBytes: number;
  /** Time for the whole body, seconds. */
  readonly timeoutSeconds: number;
};

const tooLarge = (maxBytes: number): ProblemError =>
  new ProblemError(
    "body-too-large",
    `The body has more than ${maxBytes} bytes; send a smaller image.`,
  );

const joined = (chunks: readonly Buffer[], length: number): Uint8Array<ArrayBuffer> => {
  // Not from Node's shared pool, as Buffer.concat's may be: a pooled buffer cannot be transferred.
  const whole = Buffer.allocUnsafeSlow(length);
  let at = 0;
  for (const chunk of chunks) at += chunk.copy(whole, at);
  return whole;
};

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
 * Reading stops at the limit, with or without a Content-Length, and a body that drips is given up. It takes no more memory
 * than what has arrived, whatever was announced.
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
    const chunks: Buffer[] = [];
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
      length += chunk.length;
      if (length > maxBytes) {
        fail(tooLarge(maxBytes));
        return;
      }
      chunks.push(chunk);
      onReceived?.(length);
    };
    const onEnd = (): void => settle(() => resolve(joined(chunks, length)));
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
