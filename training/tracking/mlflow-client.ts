import { setTimeout as delay } from "node:timers/promises";

/** MLflow does not answer, or refuses. The message is one line for people. */
export class TrackingError extends Error {
  override readonly name = "TrackingError";
  /** MLflow's own name of what is wrong, such as RESOURCE_DOES_NOT_EXIST; empty when it did not answer. */
  readonly code: string;

  constructor(message: string, code: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** What is asked of a server, below its address. */
type Query = Readonly<Record<string, string>>;

/** MLflow's REST API, with retries. */
export type MlflowClient = {
  /** The server's address. */
  readonly url: string;
  /** @throws TrackingError when it refuses, or does not answer for as long as the client is patient */
  get(path: string, query: Query): Promise<unknown>;
  /** @throws TrackingError see `get` */
  post(path: string, body: object): Promise<unknown>;
  /** Stores a file at a path below the server's artifact root. @throws TrackingError see `get` */
  upload(path: string, bytes: Uint8Array): Promise<void>;
};

/** How long a client tries. */
export type ClientOptions = {
  /** Milliseconds that one request is tried for. */
  readonly patience: number;
};

const REQUEST_LIMIT_MS = 60_000;
const FIRST_WAIT_MS = 200;
const LONGEST_WAIT_MS = 5_000;

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const textAt = (value: unknown, key: string): string => {
  const found: unknown =
    typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
  return typeof found === "string" ? found : "";
};

const reasonOf = (error: unknown): string => {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(cause instanceof Error)) return String(cause);
  return "code" in cause ? String(cause.code) : cause.message;
};

/** A try that may be repeated, and why it failed. */
class PassingError extends Error {
  override readonly name = "PassingError";
}

const attempt = async (url: URL, init: RequestInit): Promise<unknown> => {
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, { ...init, signal: AbortSignal.timeout(REQUEST_LIMIT_MS) });
    text = await response.text();
  } catch (error) {
    throw new PassingError(reasonOf(error), { cause: error });
  }
  const body = parseJson(text);
  if (response.ok) return body;
  const message = (textAt(body, "message") || text).replaceAll(/\s+/g, " ").trim().slice(0, 300);
  if (response.status === 429 || response.status >= 500) {
    throw new PassingError(`HTTP ${response.status} ${message}`.trim());
  }
  const code = textAt(body, "error_code") || `HTTP ${response.status}`;
  throw new TrackingError(`MLflow refuses ${url.pathname}: ${code} ${message}`.trim(), code);
};

/**
 * A client of an MLflow server, over its public REST API.
 *
 * @see https://mlflow.org/docs/latest/rest-api.html
 * @throws TrackingError when the address is none
 */
export const createMlflowClient = (address: string, { patience }: ClientOptions): MlflowClient => {
  if (!URL.canParse(address) || !/^https?:/.test(address)) {
    throw new TrackingError(`${address} is no http address of an MLflow server`, "");
  }
  const base = new URL(address.endsWith("/") ? address : `${address}/`);
  const request = async (path: string, init: RequestInit): Promise<unknown> => {
    const until = performance.now() + patience;
    for (let wait = FIRST_WAIT_MS; ; wait = Math.min(LONGEST_WAIT_MS, wait * 2)) {
      try {
        return await attempt(new URL(path, base), init);
      } catch (error) {
        if (!(error instanceof PassingError)) throw error;
        if (performance.now() + wait > until) {
          const message = `MLflow at ${base.href} does not answer (${error.message})`;
          throw new TrackingError(message, "", { cause: error });
        }
        // Half of it at random: clients that failed together do not come back together.
        await delay(wait / 2 + (Math.random() * wait) / 2);
      }
    }
  };
  const api = (path: string): string => `api/2.0/mlflow/${path}`;
  return {
    url: base.href,
    get: (path, query) => request(`${api(path)}?${new URLSearchParams(query)}`, {}),
    post: (path, body) =>
      request(api(path), {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      }),
    upload: async (path, bytes) => {
      const encoded = path.split("/").map(encodeURIComponent).join("/");
      await request(`api/2.0/mlflow-artifacts/artifacts/${encoded}`, {
        method: "PUT",
        headers: { "content-type": "application/octet-stream" },
        body: new Uint8Array(bytes),
      });
    },
  };
};
