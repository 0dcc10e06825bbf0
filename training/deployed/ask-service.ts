import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { UserError } from "../user-error.ts";

/** What a service answered about one picture. */
export type Answer = {
  readonly label: string;
  readonly probability: number;
  /** Probability by label. */
  readonly probabilities: Readonly<Record<string, number>>;
  /** Digest of the model that answered. */
  readonly digest: string;
  /** From the request to the whole answer, milliseconds; earlier refusals and the waits between do not count. */
  readonly latency: number;
};

/** A picture that the service says is none. The message is its reason. */
export class RefusedPictureError extends Error {
  override readonly name = "RefusedPictureError";
}

/** How long a picture is tried, milliseconds. */
type Patience = {
  /** With a service that is busy, starting or draining. */
  readonly busy: number;
  /** With a service that does not answer at all. */
  readonly silent: number;
};

export type AskOptions = {
  /** What the service asks for. @default none */
  readonly key?: string | undefined;
  /** @default a minute with a busy service, 3 s with a silent one */
  readonly patience?: Patience;
};

const PATIENCE: Patience = { busy: 60_000, silent: 3_000 };
const REQUEST_LIMIT_MS = 30_000;
const LONGEST_WAIT_MS = 10_000;
const SHORTEST_WAIT_MS = 200;

/** Busy, starting or draining, past its deadline: the same picture may be answered a little later. */
const TRANSIENT = [429, 503, 504];
/** The service says that the picture itself is at fault. */
const REFUSED = [400, 413, 415, 422];

const answerSchema = z.object({
  label: z.string(),
  probability: z.number(),
  probabilities: z.record(z.string(), z.number()),
  model: z.object({ digest: z.string() }),
});
const problemSchema = z.object({ detail: z.string() });

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const reasonOf = (error: unknown): string => {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(cause instanceof Error)) return String(cause);
  return "code" in cause ? String(cause.code) : cause.message;
};

/** Milliseconds that `Retry-After` asks for (this service names seconds), within bounds. */
const waitOf = (response: Response): number => {
  const asked = Number(response.headers.get("retry-after")) * 1000;
  return Math.min(LONGEST_WAIT_MS, Math.max(SHORTEST_WAIT_MS, asked || 0));
};

/**
 * Asks a service about one picture. Refusals that pass are retried as the service says.
 *
 * @param base where the service answers, ending with a slash
 * @throws RefusedPictureError when the picture cannot be used
 * @throws UserError when the service cannot be reached, stays busy or fails
 */
export const askService = async (
  base: URL,
  picture: { readonly id: string; readonly bytes: Uint8Array },
  { key, patience = PATIENCE }: AskOptions = {},
): Promise<Answer> => {
  const first = performance.now();
  const url = new URL("predict", base);
  const headers: Record<string, string> =
    key === undefined ? {} : { authorization: `Bearer ${key}` };
  const attempt = async (): Promise<Answer | { readonly wait: number; readonly last: string }> => {
    const begun = performance.now();
    const body = new FormData();
    body.set("image", new Blob([new Uint8Array(picture.bytes)]), "picture");
    const signal = AbortSignal.timeout(REQUEST_LIMIT_MS);
    let response: Response;
    let text: string;
    try {
      response = await fetch(url, { method: "POST", body, headers, signal });
      text = await response.text();
    } catch (error) {
      if (performance.now() - first < patience.silent) {
        return { wait: SHORTEST_WAIT_MS, last: reasonOf(error) };
      }
      throw new UserError(
        `${base.href} does not answer (${reasonOf(error)}); is the service up (make status)?`,
        { cause: error },
      );
    }
    const latency = performance.now() - begun;
    const given = parseJson(text);
    if (response.ok) {
      const answer = answerSchema.safeParse(given);
      if (!answer.success) {
        throw new UserError(`${url.href} gave no prediction; is this the service's address?`);
      }
      const { model, ...prediction } = answer.data;
      return { ...prediction, digest: model.digest, latency };
    }
    const problem = problemSchema.safeParse(given);
    const last = `${response.status} ${problem.success ? problem.data.detail : text.slice(0, 200)}`;
    if (problem.success && REFUSED.includes(response.status)) {
      throw new RefusedPictureError(problem.data.detail);
    }
    if (TRANSIENT.includes(response.status)) return { wait: waitOf(response), last };
    if (response.status === 401) {
      throw new UserError(`${url.href} wants a key (${last}); set API_KEY to one that it knows.`);
    }
    throw new UserError(`${url.href} failed on ${picture.id}: ${last}; look at the service's log.`);
  };
  for (;;) {
    const result = await attempt();
    if ("label" in result) return result;
    if (performance.now() - first + result.wait > patience.busy) {
      throw new UserError(
        `${base.href} gave no answer for ${picture.id} in ${patience.busy / 1000} s (last: ${result.last}); try again when it is less busy.`,
      );
    }
    await delay(result.wait);
  }
};
