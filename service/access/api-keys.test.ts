import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pino from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readSettings, SettingsError } from "../settings.ts";
import { createFindKeyOwner, hashKey, readApiKeys } from "./api-keys.ts";
import { readAccess } from "./read-access.ts";

const log = pino({ enabled: false });
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "api-keys-"));
});
afterAll(() => rm(directory, { recursive: true }));

const fileOf = async (content: string): Promise<string> => {
  const path = join(directory, "keys.json");
  await writeFile(path, content);
  return path;
};
const key = { name: "ci", scope: "predict", sha256: hashKey("the key") } as const;

describe("createFindKeyOwner", () => {
  it("finds the owner of a key by its hash, and nobody for another key or the hash itself", () => {
    const find = createFindKeyOwner([
      { ...key, name: "first", sha256: hashKey("another") },
      key,
      { ...key, name: "boss", scope: "admin", sha256: hashKey("third") },
    ]);
    expect(find("the key")).toEqual({ name: "ci", scope: "predict" });
    expect(find("third")).toEqual({ name: "boss", scope: "admin" });
    for (const wrong of ["the keY", "", key.sha256]) expect(find(wrong)).toBeUndefined();
  });

  it("hashes with SHA-256", () => {
    // FIPS 180-2, appendix B.1.
    expect(hashKey("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  });
});

describe("readApiKeys", () => {
  it("reads the keys", async () => {
    expect(await readApiKeys(await fileOf(JSON.stringify({ keys: [key] })))).toEqual([key]);
  });

  it.each([
    ["no JSON", "secret that is no JSON", /it is not JSON/],
    ["no keys", '{"keys":[]}', /keys: /],
    ["a key in clear", JSON.stringify({ keys: [{ ...key, sha256: "secret" }] }), /keys\.0\.sha256/],
    ["an unknown scope", JSON.stringify({ keys: [{ ...key, scope: "root" }] }), /keys\.0\.scope/],
    ["a field more", JSON.stringify({ keys: [{ ...key, key: "secret" }] }), /keys\.0: /],
  ])("refuses %s in one line that tells nothing of it", async (_, content, message) => {
    const error = await readApiKeys(await fileOf(content)).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SettingsError);
    expect(String(error)).toMatch(message);
    expect(String(error)).toMatch(/^[^\n]+$/);
    expect(String(error)).not.toContain("secret");
  });

  it("says that the file is missing", async () => {
    await expect(readApiKeys("/nowhere/keys.json")).rejects.toThrow(
      "API_KEYS_FILE=/nowhere/keys.json is not usable: there is no such file.",
    );
  });
});

describe("readAccess", () => {
  it("is off unless asked for", async () => {
    expect(await readAccess(readSettings({}), log)).toBeUndefined();
  });

  it("has a limit of ten seconds' worth at once, or as many as is said", async () => {
    const limited = await readAccess(readSettings({ RATE_LIMIT: "0.05" }), log);
    expect(limited).toMatchObject({ rateLimit: { perSecond: 0.05, burst: 1 } });
    expect(limited).not.toHaveProperty("findKeyOwner");
    const both = await readAccess(readSettings({ RATE_LIMIT: "5", RATE_BURST: "7" }), log);
    expect(both).toMatchObject({ rateLimit: { perSecond: 5, burst: 7 } });
    expect((await readAccess(readSettings({ RATE_LIMIT: "5" }), log))?.rateLimit?.burst).toBe(50);
    await expect(readAccess(readSettings({ RATE_BURST: "7" }), log)).rejects.toThrow(/RATE_LIMIT/);
  });
});
