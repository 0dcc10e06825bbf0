import { randomBytes } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { createDurably } from "../embedded/engine/state/write-durably.ts";
import { stateDirectory } from "../paths.ts";
import { UserError } from "../user-error.ts";

/** File with the passphrase of this machine's state, readable by its owner alone. */
const passphraseFile = join(stateDirectory, "passphrase");

const readOrMake = async (): Promise<string> => {
  try {
    return await readFile(passphraseFile, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  await mkdir(stateDirectory, { recursive: true });
  await createDurably(passphraseFile, `${randomBytes(24).toString("base64url")}\n`);
  // Not what was made up here: another process may have been first.
  return await readFile(passphraseFile, "utf8");
};

/**
 * The passphrase that encrypts secrets in the Pulumi state: the user's own by Pulumi's variables, else one that is made up
 * here once.
 *
 * @throws UserError when the file is empty: secrets would be encrypted with nothing, or could not be read
 */
export const readPassphrase = async (environment: NodeJS.ProcessEnv): Promise<string> => {
  const given = environment["PULUMI_CONFIG_PASSPHRASE"];
  if (given !== undefined) return given;
  const own = environment["PULUMI_CONFIG_PASSPHRASE_FILE"];
  const passphrase = (own ? await readFile(own, "utf8") : await readOrMake()).trim();
  if (passphrase) return passphrase;
  throw new UserError(
    `${own || passphraseFile} is empty; put the passphrase back or set PULUMI_CONFIG_PASSPHRASE, or delete the file when there is no state yet.`,
  );
};
