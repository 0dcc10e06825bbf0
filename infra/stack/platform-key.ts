import { z } from "zod";
import { binaryDirectory } from "../paths.ts";
import { runCommand } from "../run-command.ts";
import { UserError } from "../user-error.ts";
import { type Deployed, kubectlFlags } from "./deployed.ts";

/** The stack's output `platformKey`: where the key is; null where the service asks for none. */
const placeSchema = z.object({ secret: z.string(), key: z.string() }).nullish();

/**
 * The key that the platform's own commands ask the service with, from its Secret in the cluster: no output of the stack and no
 * file holds it. Undefined where the service asks for none.
 *
 * @param output the stack's output `platformKey`
 * @throws UserError when the Secret does not have it
 */
export const readPlatformKey = async (
  stack: Deployed,
  output: unknown,
): Promise<string | undefined> => {
  const place = placeSchema.parse(output);
  if (!place) return undefined;
  const env = { ...process.env, PATH: `${binaryDirectory}:${process.env["PATH"] ?? ""}` };
  const secret = ["get", "secret", place.secret, "--ignore-not-found"];
  const format = `--output=jsonpath={.data['${place.key}']}`;
  const encoded = await runCommand("kubectl", [...kubectlFlags(stack), ...secret, format], { env });
  if (encoded) return Buffer.from(encoded, "base64").toString();
  throw new UserError(
    `the Secret ${place.secret} is gone or has no key, and an unchanged one is not written again; for a new key take service.access.keys out of the stack's file, run \`make up\`, put it back and run \`make up\` again.`,
  );
};
