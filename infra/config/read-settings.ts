import * as pulumi from "@pulumi/pulumi";
import type { z } from "zod";
import { type Settings, settingsSchema } from "./settings.ts";

const PROJECT = "image-classification-platform";

const valueAt = (raw: unknown, keys: readonly PropertyKey[]): unknown =>
  keys.reduce<unknown>(
    (value, key) =>
      typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined,
    raw,
  );

const describe = (raw: unknown, issue: z.core.$ZodIssue): readonly string[] => {
  const key = (...keys: readonly PropertyKey[]): string =>
    `${PROJECT}:${keys.map(String).join(".")}`;
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map(
      (name) => `${key(...issue.path, name)} is no setting; infra/config lists all of them`,
    );
  }
  const given = valueAt(raw, issue.path);
  const shown = given === undefined ? "not set" : JSON.stringify(given);
  return [`${key(...issue.path)} is ${shown}; allowed: ${issue.message}`];
};

/**
 * Checks settings as they were given and adds the defaults.
 *
 * @throws pulumi.RunError with a line for each wrong setting: its key, what was given, what is allowed
 */
export const parseSettings = (raw: unknown): Settings => {
  const result = settingsSchema.safeParse(raw);
  if (result.success) return result.data;
  throw new pulumi.RunError(
    result.error.issues.flatMap((issue) => describe(raw, issue)).join("\n"),
  );
};

/** A value of `pulumi config`: JSON for objects, numbers and truth values, plain text otherwise. */
const decode = (value: string): unknown => {
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
};

/**
 * Reads the settings of the stack that is being deployed.
 *
 * @throws pulumi.RunError see {@link parseSettings}
 */
export const readSettings = (): Settings => {
  const prefix = `${PROJECT}:`;
  const raw = Object.entries(pulumi.runtime.allConfig())
    .filter(([key]) => key.startsWith(prefix))
    .map(([key, value]) => [key.slice(prefix.length), decode(value)] as const);
  return parseSettings(Object.fromEntries(raw));
};
