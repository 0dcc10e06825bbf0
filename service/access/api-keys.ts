import { hash, timingSafeEqual } from "node:crypto";
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { SettingsError } from "../settings.ts";

/** What a key may do, from less to more: an `admin` may predict, too. */
export const SCOPES = ["predict", "admin"] as const;
export type Scope = (typeof SCOPES)[number];

const keySchema = z.strictObject({
  /** Whose key it is, for the log. Several keys may bear one name, while one replaces the other. */
  name: z.string().regex(/^[\w.-]{1,64}$/, "must be 1 to 64 letters, digits, dots or hyphens"),
  scope: z.enum(SCOPES),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, "must be 64 hexadecimal digits in lower case"),
});

/** A key as the file has it: its hash, never the key. */
export type ApiKey = z.infer<typeof keySchema>;

/** The file of the keys, as JSON. */
export const apiKeysSchema = z.strictObject({ keys: z.array(keySchema).min(1).max(1000) });

/** Who bears a key. */
export type KeyOwner = Pick<ApiKey, "name" | "scope">;

/** Finds the owner of a key that a request brought; undefined when it is nobody's. */
export type FindKeyOwner = (key: string) => KeyOwner | undefined;

/**
 * SHA-256 of a key, in hexadecimal. Nothing slower is needed: a key has 256 random bits, which nobody guesses, unlike
 * a password.
 */
export const hashKey = (key: string): string => hash("sha256", key, "hex");

/** Looks keys up without telling by the time it takes how much of one was right: every hash is compared, and whole. */
export const createFindKeyOwner = (keys: readonly ApiKey[]): FindKeyOwner => {
  const known = keys.map(({ sha256, name, scope }) => ({
    digest: Buffer.from(sha256, "hex"),
    owner: { name, scope },
  }));
  return (key) => {
    const digest = hash("sha256", key, "buffer");
    let found: KeyOwner | undefined;
    for (const { digest: each, owner } of known) if (timingSafeEqual(each, digest)) found = owner;
    return found;
  };
};

/** Reads the file of the keys. @throws SettingsError that says what is wrong with it, and never what it holds */
export const readApiKeys = async (path: string): Promise<readonly ApiKey[]> => {
  const unusable = (why: string): SettingsError =>
    new SettingsError(`API_KEYS_FILE=${path} is not usable: ${why}.`);
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw unusable(error.code === "ENOENT" ? "there is no such file" : error.message);
  });
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // The parser's message would quote the file.
    throw unusable("it is not JSON; make keys with `npm run -s api-key`");
  }
  const result = apiKeysSchema.safeParse(parsed);
  if (result.success) return result.data.keys;
  const [issue] = result.error.issues;
  throw unusable(`${issue?.path.join(".") || "it"}: ${issue?.message}`);
};
