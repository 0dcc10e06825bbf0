import { randomBytes, randomInt } from "node:crypto";
import { z } from "zod";
import { EngineError } from "../engine-error.ts";
import { type PropertyMap, revealMap, secret } from "../property-values.ts";
import { nameOf } from "../urn.ts";
import type { Outcome, Provider } from "./provider.ts";

const PASSWORD = "random:index/randomPassword:RandomPassword";
const BYTES = "random:index/randomBytes:RandomBytes";

const LOWER = "abcdefghijklmnopqrstuvwxyz";
const DIGITS = "0123456789";
const SPECIAL = "!@#$%&*()-_=+[]{}<>:?";

const schemas = {
  [PASSWORD]: z.strictObject({
    length: z.number().int().positive(),
    lower: z.boolean().default(true),
    upper: z.boolean().default(true),
    numeric: z.boolean().default(true),
    special: z.boolean().default(true),
    overrideSpecial: z.string().default(SPECIAL),
    keepers: z.record(z.string(), z.string()).optional(),
  }),
  [BYTES]: z.strictObject({
    length: z.number().int().positive(),
    keepers: z.record(z.string(), z.string()).optional(),
  }),
} as const;

const makePassword = (inputs: PropertyMap): Outcome => {
  const wanted = schemas[PASSWORD].parse(revealMap(inputs));
  const alphabet = [
    wanted.lower ? LOWER : "",
    wanted.upper ? LOWER.toUpperCase() : "",
    wanted.numeric ? DIGITS : "",
    wanted.special ? wanted.overrideSpecial : "",
  ].join("");
  if (alphabet === "")
    throw new EngineError("a random password needs at least one kind of character.");
  const result = Array.from({ length: wanted.length }, () =>
    alphabet.charAt(randomInt(alphabet.length)),
  ).join("");
  return { id: "none", outputs: { ...inputs, result: secret(result) } };
};

const makeBytes = (inputs: PropertyMap): Outcome => {
  const { length } = schemas[BYTES].parse(revealMap(inputs));
  const bytes = randomBytes(length);
  return {
    id: "none",
    outputs: {
      ...inputs,
      base64: secret(bytes.toString("base64")),
      hex: secret(bytes.toString("hex")),
    },
  };
};

/** Makes the random values that the state then keeps: RandomPassword (without `bcryptHash`) and RandomBytes. */
export const createRandomProvider = (): Provider => ({
  supports: (type) => type === PASSWORD || type === BYTES,
  check: (type, inputs, { urn }) => {
    const known = new Set(Object.keys(schemas[type === PASSWORD ? PASSWORD : BYTES].shape));
    const unknown = Object.keys(inputs).filter((key) => !known.has(key));
    if (unknown.length === 0) return inputs;
    throw new EngineError(
      `"${nameOf(urn)}" sets ${unknown.join(", ")}, which the embedded engine does not support; use the Pulumi CLI.`,
    );
  },
  plan: async (_old, _inputs, changes) =>
    changes.length === 0 ? { kind: "update" } : { kind: "replace", beside: true },
  create: async (type, inputs) => (type === PASSWORD ? makePassword(inputs) : makeBytes(inputs)),
  // Reached only after an interrupted creation: the value was never handed out.
  update: async (old, inputs) => (old.type === PASSWORD ? makePassword(inputs) : makeBytes(inputs)),
  remove: async () => undefined,
  read: async (old) => ({ inputs: old.inputs ?? {}, outputs: old.outputs ?? {} }),
});
