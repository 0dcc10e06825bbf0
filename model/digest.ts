import { createHash } from "node:crypto";

/** `sha256:` and the SHA-256 of the bytes in hexadecimal, as container images write it. */
export const digestOf = (bytes: Uint8Array | string): string =>
  `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
