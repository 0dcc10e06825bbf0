import { z } from "zod";
import { path, wholeNumber } from "./fields.ts";

const REQUESTS = "a number of requests above 0, and at most 1000000";

/** Who may ask the service, and how often. Everyone may, as often as they like, unless something is set here. */
export const accessSchema = z
  .strictObject(
    {
      /**
       * File that `npm run -s api-key` writes: names, scopes and hashes of the keys that may ask. The program adds one of its
       * own, for the smoke test and the evaluation.
       */
      keys: path.optional(),
      /** Requests a second that one client may keep up, by key or else by address; of each pod. */
      rateLimit: z.number(REQUESTS).positive(REQUESTS).max(1e6, REQUESTS).optional(),
      /** Requests that a client may send at once after a rest; those of ten seconds, unless it is set. */
      rateBurst: wholeNumber(1, 1_000_000).optional(),
      /** Proxies in front of the service that add to X-Forwarded-For. */
      trustedProxies: wholeNumber(0, 10).optional(),
    },
    "keys, rateLimit, rateBurst, trustedProxies",
  )
  .prefault({})
  .refine(({ rateLimit, rateBurst }) => rateLimit !== undefined || rateBurst === undefined, {
    path: ["rateBurst"],
    error: "left out where rateLimit is: it is the burst of that limit",
  });
