import { createWriteStream } from "node:fs";
import { mkdir, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import { createProgress } from "../progress.ts";
import { UserError } from "../user-error.ts";

/** A file to fetch. */
export type Download = {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Where it goes; what arrived so far is kept beside it, in `….part`. */
  readonly path: string;
  /** A refusal by the server as one line for people. */
  readonly refuse: (status: number) => string;
};

const sizeOf = async (path: string): Promise<number | undefined> =>
  (await stat(path).catch(() => undefined))?.size;

const fetchFrom = async ({ url, headers }: Download, offset: number): Promise<Response> => {
  const range = offset > 0 ? { range: `bytes=${offset}-` } : {};
  try {
    return await fetch(url, { headers: { ...headers, ...range } });
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    const code = cause instanceof Error && "code" in cause ? ` (${String(cause.code)})` : "";
    throw new UserError(`${new URL(url).host} cannot be reached${code}; check the network.`, {
      cause: error,
    });
  }
};

/** Whole size that an answer declares: after the slash of Content-Range, or its own length. */
const declaredSize = (response: Response): number => {
  const range = /\/(\d+)$/.exec(response.headers.get("content-range") ?? "")?.[1];
  return Number(range ?? response.headers.get("content-length") ?? Number.NaN);
};

const save = async (response: Response, part: string, offset: number, total: number) => {
  const progress = createProgress("downloading", total);
  let received = offset;
  try {
    if (!response.body) return;
    const body = Readable.fromWeb(response.body as ReadableStream<Uint8Array>);
    body.on("data", (chunk: Buffer) => {
      received += chunk.length;
      progress.update(received);
    });
    await pipeline(body, createWriteStream(part, { flags: offset > 0 ? "a" : "w" }));
  } finally {
    progress.finish();
  }
};

const isSystemError = (error: unknown): boolean =>
  error instanceof Error && "syscall" in error && error.syscall === "write";

/**
 * Downloads a file unless it is there. What an interrupted run left is continued by a range request, where the server
 * allows it. The file appears under its name only when its size is the declared one.
 *
 * @throws UserError without network, when the server refuses, or when the download broke off
 */
export const downloadFile = async (download: Download): Promise<void> => {
  const { path, refuse } = download;
  if ((await sizeOf(path)) !== undefined) return;
  await mkdir(dirname(path), { recursive: true });
  const part = `${path}.part`;
  const offset = (await sizeOf(part)) ?? 0;
  const response = await fetchFrom(download, offset);
  if (response.status === 416) {
    // Nothing is left after the offset: the part is whole, or of another file.
    if (declaredSize(response) === offset) return rename(part, path);
    await rm(part);
    return downloadFile(download);
  }
  if (!response.ok) throw new UserError(refuse(response.status));

  const resumed = response.status === 206;
  const total = declaredSize(response);
  if (Number.isNaN(total)) {
    throw new UserError(
      `${new URL(download.url).host} does not say how large the file is; try again later.`,
    );
  }
  try {
    await save(response, part, resumed ? offset : 0, total);
  } catch (error) {
    if (isSystemError(error)) throw error;
    const size = (await sizeOf(part)) ?? 0;
    throw new UserError(
      `the download broke off at ${size} of ${total} bytes; run the same command again, it continues there.`,
      { cause: error },
    );
  }
  const size = await sizeOf(part);
  if (size !== total) {
    await rm(part);
    throw new UserError(
      `the server declared ${total} bytes and sent ${size}; the file was discarded, run the same command again.`,
    );
  }
  await rename(part, path);
};
