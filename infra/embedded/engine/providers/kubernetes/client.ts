import http from "node:http";
import https from "node:https";
import { createInterface } from "node:readline";
import { setTimeout as wait } from "node:timers/promises";
import type { KubeConfig } from "@kubernetes/client-node";
import { EngineError, messageOf, UnreachableError } from "../../engine-error.ts";

/** An answer of the API server that is not a success. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** One call of the API. */
type ApiRequest = {
  readonly method: "GET" | "PATCH" | "DELETE";
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly signal?: AbortSignal;
  /** Called for what the server warns of, such as a deprecated field; each text once for a client. */
  readonly onWarning?: (text: string) => void;
};

/** One event of a watch. */
export type WatchEvent = { readonly type: string; readonly object: unknown };

/** Talks to one API server in plain JSON: objects arrive and leave as they are, fields unknown to any client included. */
export type ApiClient = {
  readonly server: string;
  /** @returns the answer's JSON @throws ApiError, UnreachableError */
  request(call: ApiRequest): Promise<unknown>;
  /** @returns the answer as text, for logs */
  text(call: ApiRequest): Promise<string>;
  /** Follows a list. Ends when the server ends it; the caller starts again. @throws ApiError, UnreachableError */
  watch(call: Omit<ApiRequest, "method">): AsyncIterable<WatchEvent>;
};

/** What a cluster answers for a moment while it starts, is busy, or a webhook restarts. */
const TRANSIENT = new Set([429, 500, 502, 503, 504]);
const ATTEMPTS = 8;
const REQUEST_MS = 60_000;

const errorOf = (status: number, body: string): ApiError => {
  try {
    const { message } = JSON.parse(body) as { readonly message?: string };
    return new ApiError(status, message ?? body);
  } catch {
    return new ApiError(status, body.trim() === "" ? `HTTP status ${status}` : body.trim());
  }
};

const readText = async (response: http.IncomingMessage): Promise<string> => {
  response.setEncoding("utf8");
  let text = "";
  for await (const chunk of response) text += String(chunk);
  return text;
};

/** Makes a client for the current context of a kubeconfig. */
export const createApiClient = (config: KubeConfig): ApiClient => {
  const cluster = config.getCurrentCluster();
  if (cluster === null) {
    throw new EngineError("the kubeconfig names no current cluster; set its current-context.");
  }
  const warned = new Set<string>();

  const open = async (call: ApiRequest): Promise<http.IncomingMessage> => {
    const url = new URL(cluster.server + call.path);
    for (const [key, value] of Object.entries(call.query ?? {})) url.searchParams.set(key, value);
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    const options: https.RequestOptions = {
      method: call.method,
      headers: {
        accept: "application/json",
        ...(body !== undefined && {
          "content-type": call.contentType ?? "application/json",
          "content-length": Buffer.byteLength(body),
        }),
      },
      ...(call.signal && { signal: call.signal }),
    };
    await config.applyToHTTPSOptions(options);
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      const send = url.protocol === "https:" ? https.request : http.request;
      const request = send(url, options, resolve);
      request.on("error", reject);
      request.end(body);
    });
    for (const warning of [response.headers["warning"] ?? []].flat()) {
      const text = /^299 - "(.*)"$/.exec(warning)?.[1] ?? warning;
      if (!warned.has(text)) call.onWarning?.(text);
      warned.add(text);
    }
    if ((response.statusCode ?? 0) >= 400) {
      throw errorOf(response.statusCode ?? 0, await readText(response));
    }
    return response;
  };

  const unreachable = (error: unknown): UnreachableError =>
    new UnreachableError(
      `the Kubernetes API server at ${cluster.server} does not answer (${messageOf(error)}); check that the cluster runs and that the kubeconfig is its own.`,
      { cause: error },
    );

  /** Reads an answer whole. Every call of this engine may safely be repeated: it reads, applies or deletes by name. */
  const text = async (call: ApiRequest): Promise<string> => {
    for (let attempt = 1; ; attempt += 1) {
      const timeout = AbortSignal.timeout(REQUEST_MS);
      const signal = call.signal ? AbortSignal.any([call.signal, timeout]) : timeout;
      try {
        return await readText(await open({ ...call, signal }));
      } catch (error) {
        call.signal?.throwIfAborted();
        const transient = !(error instanceof ApiError) || TRANSIENT.has(error.status);
        // A server that refuses connections is down, not busy: fewer attempts.
        const attempts = error instanceof ApiError ? ATTEMPTS : 3;
        if (!transient || attempt >= attempts) {
          throw error instanceof ApiError || error instanceof EngineError
            ? error
            : unreachable(error);
        }
        await wait(Math.min(200 * 2 ** (attempt - 1), 5_000), undefined, { signal: call.signal });
      }
    }
  };

  return {
    server: cluster.server,
    text,
    request: async (call) => JSON.parse(await text(call)) as unknown,
    watch: async function* watch(call) {
      const response = await open({
        ...call,
        method: "GET",
        query: { ...call.query, watch: "true" },
      });
      try {
        for await (const line of createInterface({ input: response })) {
          if (line !== "") yield JSON.parse(line) as WatchEvent;
        }
      } finally {
        response.destroy();
      }
    },
  };
};
