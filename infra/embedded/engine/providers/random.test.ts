import { describe, expect, it } from "vitest";
import { isSecret, reveal } from "../property-values.ts";
import type { ResourceContext } from "./provider.ts";
import { createRandomProvider } from "./random.ts";

const PASSWORD = "random:index/randomPassword:RandomPassword";
const BYTES = "random:index/randomBytes:RandomBytes";
const context: ResourceContext = {
  urn: "urn:pulumi:dev::p::t::word",
  providerInputs: {},
  timeout: undefined,
  signal: new AbortController().signal,
  progress: () => undefined,
  warn: () => undefined,
};
const provider = createRandomProvider();

describe("random", () => {
  it("makes a secret password of the wanted characters", async () => {
    const inputs = { length: 200, special: false, upper: false };
    const { outputs } = await provider.create(PASSWORD, inputs, context);
    expect(isSecret(outputs["result"])).toBe(true);
    expect(reveal(outputs["result"] ?? null)).toMatch(/^[a-z0-9]{200}$/);
    const other = await provider.create(PASSWORD, inputs, context);
    expect(reveal(other.outputs["result"] ?? null)).not.toBe(reveal(outputs["result"] ?? null));
  });

  it("makes secret bytes, the same in both writings", async () => {
    const { outputs } = await provider.create(BYTES, { length: 32 }, context);
    const [hex, base64] = [reveal(outputs["hex"] ?? ""), reveal(outputs["base64"] ?? "")];
    expect(Buffer.from(String(hex), "hex")).toHaveLength(32);
    expect(Buffer.from(String(base64), "base64").toString("hex")).toBe(hex);
  });

  it("knows no other type, and refuses inputs that it does not carry", () => {
    expect(provider.supports("random:index/randomPet:RandomPet")).toBe(false);
    expect(() => provider.check(PASSWORD, { length: 8, minUpper: 2 }, context)).toThrow(
      /sets minUpper/,
    );
  });

  it("refuses a password of no characters", async () => {
    const inputs = { length: 8, special: false, upper: false, lower: false, numeric: false };
    await expect(async () => provider.create(PASSWORD, inputs, context)).rejects.toThrow(
      /at least one/,
    );
  });
});
