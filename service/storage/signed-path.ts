import { createHmac, timingSafeEqual } from "node:crypto";

/** Signs paths below `/outputs/` and checks them. */
export type PathSigner = {
  /** Path and query that open the key until it expires. */
  sign(key: string): string;
  /** Whether these belong to the key and it has not expired. */
  verify(key: string, expires: string | undefined, signature: string | undefined): boolean;
};

export type PathSignerOptions = {
  readonly secret: string | Uint8Array;
  /** Seconds for which a signed path opens. */
  readonly validSeconds: number;
  /** Clock in milliseconds. @default Date.now */
  readonly now?: () => number;
};

/** Signs with HMAC-SHA-256 over key and expiry, so that neither can be changed. */
export const createPathSigner = (options: PathSignerOptions): PathSigner => {
  const { secret, validSeconds, now = Date.now } = options;
  const macOf = (key: string, expires: string): Buffer =>
    createHmac("sha256", secret).update(`${key}\n${expires}`).digest();

  return {
    sign: (key) => {
      const expires = String(Math.ceil(now() / 1000) + validSeconds);
      const signature = macOf(key, expires).toString("base64url");
      return `/outputs/${key}?expires=${expires}&signature=${signature}`;
    },
    verify: (key, expires = "", signature = "") => {
      const expected = macOf(key, expires);
      const given = Buffer.from(signature, "base64url");
      // Each comparison takes as long as any other: how much of a guess is right shows in nothing.
      const genuine = given.length === expected.length && timingSafeEqual(given, expected);
      return genuine && /^\d{1,12}$/.test(expires) && now() < Number(expires) * 1000;
    },
  };
};
