export type RateLimitOptions = {
  /** Requests a second that a client may keep up. */
  readonly perSecond: number;
  /** Requests that a client may send at once after a rest: the size of its bucket. */
  readonly burst: number;
  /** Clients that are remembered. @default 10,000 */
  readonly maxClients?: number;
  /** Clock in milliseconds. @default performance.now */
  readonly now?: () => number;
};

/** What became of one request. */
type RateLimitAnswer = {
  readonly allowed: boolean;
  /** Requests that the client may still send at once. */
  readonly remaining: number;
  /** Until the next request is allowed, 0 when it is; milliseconds. */
  readonly retryMs: number;
  /** Until the bucket is full again, milliseconds. */
  readonly fullMs: number;
};

export type RateLimit = {
  /** Takes a token out of a client's bucket, if there is one. */
  take(client: string): RateLimitAnswer;
  /** Clients that are remembered now. */
  size(): number;
};

/**
 * A token bucket for each client, kept as one number: the time at which the bucket will be full (the "theoretical
 * arrival time" of the generic cell rate algorithm, ITU-T I.371). A bucket that is full is the same as none, so most
 * clients cost nothing; beyond `maxClients` the one that was quiet longest is forgotten, which can only be to its good.
 *
 * The libraries at hand count in fixed windows, which let twice the limit through where two windows meet, and keep a
 * timer for each client.
 */
export const createRateLimit = (options: RateLimitOptions): RateLimit => {
  const { perSecond, burst, maxClients = 10_000, now = () => performance.now() } = options;
  const tokenMs = 1000 / perSecond;
  const bucketMs = burst * tokenMs;
  // In the order of their last request: a Map keeps that of insertion.
  const fullAt = new Map<string, number>();

  const forget = (time: number): void => {
    for (const [client, at] of fullAt) {
      if (at > time && fullAt.size <= maxClients) return;
      fullAt.delete(client);
    }
  };

  const take: RateLimit["take"] = (client) => {
    const time = now();
    const before = Math.max(fullAt.get(client) ?? time, time);
    const after = before + tokenMs;
    // A refused request takes nothing, so that a client that hammers is served again in time. Fractions are forgiven.
    const missing = after - time - bucketMs;
    const allowed = missing < 1e-6;
    const full = allowed ? after : before;
    fullAt.delete(client);
    fullAt.set(client, full);
    forget(time);
    return {
      allowed,
      remaining: Math.max(0, Math.floor((bucketMs - (full - time)) / tokenMs + 1e-9)),
      retryMs: allowed ? 0 : missing,
      fullMs: full - time,
    };
  };

  return { take, size: () => fullAt.size };
};
