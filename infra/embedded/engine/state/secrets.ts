import { createCipheriv, createDecipheriv, pbkdf2, randomBytes } from "node:crypto";
import { promisify } from "node:util";
import { EngineError } from "../engine-error.ts";

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const SALT_BYTES = 8;
// The figure is part of Pulumi's format.
const ROUNDS = 1_000_000;
const PROOF = "pulumi";

/** Encrypts and decrypts with one passphrase and salt, in the format of Pulumi's passphrase secrets manager. */
export type SecretsManager = {
  /** `v1:<salt>:v1:<nonce>:<ciphertext>`: what state and stack configuration store. */
  readonly salt: string;
  /** `v1:<nonce>:<ciphertext>`, both base64. */
  encrypt(plaintext: string): string;
  /** @throws EngineError when the ciphertext is not one, or was made with another key */
  decrypt(ciphertext: string): string;
};

const crypterOf = (key: Buffer): Pick<SecretsManager, "encrypt" | "decrypt"> => ({
  encrypt: (plaintext) => {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv("aes-256-gcm", key, nonce);
    const sealed = Buffer.concat([
      cipher.update(plaintext, "utf8"),
      cipher.final(),
      cipher.getAuthTag(),
    ]);
    return `v1:${nonce.toString("base64")}:${sealed.toString("base64")}`;
  },
  decrypt: (ciphertext) => {
    const [version, nonce, sealed, ...rest] = ciphertext.split(":");
    if (version !== "v1" || nonce === undefined || sealed === undefined || rest.length > 0) {
      throw new EngineError("a secret is not in Pulumi's passphrase format; set it again.");
    }
    const bytes = Buffer.from(sealed, "base64");
    const tag = bytes.subarray(-TAG_BYTES);
    try {
      const decipher = createDecipheriv("aes-256-gcm", key, Buffer.from(nonce, "base64"), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAuthTag(tag);
      return Buffer.concat([
        decipher.update(bytes.subarray(0, -TAG_BYTES)),
        decipher.final(),
      ]).toString("utf8");
    } catch {
      throw new EngineError("a secret cannot be decrypted; it was made with another passphrase.");
    }
  },
});

const keyOf = (passphrase: string, salt: Buffer): Promise<Buffer> =>
  promisify(pbkdf2)(passphrase, salt, ROUNDS, KEY_BYTES, "sha256");

/** Makes a secrets manager with a new random salt. */
export const createSecretsManager = async (passphrase: string): Promise<SecretsManager> => {
  const salt = randomBytes(SALT_BYTES);
  const crypter = crypterOf(await keyOf(passphrase, salt));
  return { ...crypter, salt: `v1:${salt.toString("base64")}:${crypter.encrypt(PROOF)}` };
};

/**
 * Opens a secrets manager whose salt was stored before.
 *
 * @throws EngineError when the passphrase is wrong or the salt malformed
 */
export const openSecretsManager = async (
  passphrase: string,
  salt: string,
): Promise<SecretsManager> => {
  const [version, saltBytes, ...proof] = salt.split(":");
  if (version !== "v1" || saltBytes === undefined || proof.length !== 3) {
    throw new EngineError("the stack's encryption salt is not in Pulumi's passphrase format.");
  }
  const crypter = crypterOf(await keyOf(passphrase, Buffer.from(saltBytes, "base64")));
  let opened: string | undefined;
  try {
    opened = crypter.decrypt(proof.join(":"));
  } catch {
    opened = undefined;
  }
  if (opened !== PROOF) {
    throw new EngineError("incorrect passphrase; set PULUMI_CONFIG_PASSPHRASE to the stack's own.");
  }
  return { ...crypter, salt };
};
