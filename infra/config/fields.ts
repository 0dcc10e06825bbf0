import { homedir } from "node:os";
import { resolve } from "node:path";
import { z } from "zod";
import { repositoryDirectory } from "../paths.ts";

/*
 * Kinds of values that several settings have. The error text of a schema is what is allowed: it ends the line
 * "KEY is GIVEN; allowed: …".
 */

/** A whole number in a range; both ends are allowed. */
export const wholeNumber = (min: number, max: number) => {
  const allowed = `a whole number from ${min} to ${max}`;
  return z.int(allowed).min(min, allowed).max(max, allowed);
};

/** Text of a pattern, and that pattern in words. */
export const text = (pattern: RegExp, allowed: string) => z.string(allowed).regex(pattern, allowed);

/** Whether something is so. */
export const truthValue = z.boolean("true or false");

/** An amount of CPU, memory or storage, as Kubernetes spells it. */
export const quantity = text(
  /^\d+(\.\d+)?(m|[KMGT]i?)?$/,
  "a Kubernetes quantity such as 500m, 2 or 512Mi",
);

/** A name, as Kubernetes spells it. */
export const label = text(
  /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/,
  "lower-case letters, digits, - and .",
);

/** An address of a server. What it is reached by may be secret, so no name and password are in it. */
export const url = text(
  /^https?:\/\/[^\s@/]+(\/[^\s@]*)?$/,
  "an address such as https://host:port",
);

/** A path of the user's machine: `~` is their home, a relative one starts at the repository. */
export const path = text(/^[^"$`]+$/, 'a path without ", $ and `').transform((given) =>
  resolve(repositoryDirectory, given.replace(/^~(?=[\\/]|$)/, homedir())),
);

type Amounts = { readonly cpu: string; readonly memory: string };

const amounts = (defaults: Amounts) =>
  z
    .strictObject(
      { cpu: quantity.default(defaults.cpu), memory: quantity.default(defaults.memory) },
      "cpu and memory",
    )
    .prefault({});

/** Requests and limits of a container, with a default for each amount. */
export const resources = (requests: Amounts, limits: Amounts) =>
  z
    .strictObject({ requests: amounts(requests), limits: amounts(limits) }, "requests and limits")
    .prefault({});

/** CPU and memory of a container, as Kubernetes spells them. */
export type Resources = z.infer<ReturnType<typeof resources>>;
