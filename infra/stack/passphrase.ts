import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stateDirectory } from "../paths.ts";

/** File with the passphrase of this machine's state, readable by its owner alone. */
const passphraseFile = join(stateDirectory, "passphrase");

/**
 * The passphrase that encrypts secrets in the Pulumi state: the user's own by Pulumi's variables, else one that is made up
 * here once.
 */
export const readPassphrase = async (environment: NodeJS.ProcessEnv): Promise<string> => {
  const given = environment["PULUMI_CONFIG_PASSPHRASE"];
  if (given !== undefined) return given;
  const file = environment["PULUMI_CONFIG_PASSPHRASE_FILE"] || passphraseFile;
  if (file === passphraseFile) {
    await mkdir(stateDirectory, { recursive: true });
    await writeFile(file, `${randomBytes(24).toString("base64url")}\n`, {
      flag: "wx",
      mode: 0o600,
    }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
  }
  return (await readFile(file, "utf8")).trim();
};
