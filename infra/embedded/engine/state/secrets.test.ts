import { describe, expect, it } from "vitest";
import { createSecretsManager, openSecretsManager } from "./secrets.ts";

// The salt of Pulumi's own tests (pkg/secrets/passphrase), made with this passphrase by the Go implementation.
const KNOWN = {
  passphrase: "password",
  salt: "v1:fozI5u6B030=:v1:F+6ZduKKd8G0/V7L:PGMFeIzwobWRKmEAzUdaQHqC5mMRIQ==",
};

describe("secrets manager", () => {
  it("opens what Pulumi itself encrypted", async () => {
    const manager = await openSecretsManager(KNOWN.passphrase, KNOWN.salt);
    expect(manager.decrypt("v1:F+6ZduKKd8G0/V7L:PGMFeIzwobWRKmEAzUdaQHqC5mMRIQ==")).toBe("pulumi");
    expect(manager.salt).toBe(KNOWN.salt);
  });

  it("refuses a wrong passphrase and a malformed salt", async () => {
    await expect(openSecretsManager("wrong", KNOWN.salt)).rejects.toThrow(/incorrect passphrase/);
    await expect(openSecretsManager("password", "fozI5u6B030=:x")).rejects.toThrow(/salt/);
  });

  it("opens what it made, after a restart too", async () => {
    const made = await createSecretsManager("open sesame");
    const sealed = made.encrypt("naïve 🐈");
    expect(sealed).toMatch(/^v1:[\w+/=]{16}:[\w+/=]+$/);
    expect(made.encrypt("naïve 🐈")).not.toBe(sealed);
    const again = await openSecretsManager("open sesame", made.salt);
    expect(again.decrypt(sealed)).toBe("naïve 🐈");
  });

  it("notices a ciphertext that was changed or is none", async () => {
    const manager = await openSecretsManager(KNOWN.passphrase, KNOWN.salt);
    const sealed = manager.encrypt("content");
    const at = sealed.length - 6;
    const changed = sealed.slice(0, at) + (sealed[at] === "A" ? "B" : "A") + sealed.slice(at + 1);
    expect(() => manager.decrypt(changed)).toThrow(/another passphrase/);
    expect(() => manager.decrypt("plain")).toThrow(/format/);
  });
});
