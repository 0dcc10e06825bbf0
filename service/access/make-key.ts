import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { Command, Option } from "commander";
import { writeFileAtomic } from "../../model/write-atomic.ts";
import {
  type ApiKey,
  apiKeysSchema,
  hashKey,
  readApiKeys,
  SCOPES,
  type Scope,
} from "./api-keys.ts";

type Flags = { readonly file: string; readonly name: string; readonly scope: Scope };

/** The first characters tell people and secret scanners what this is. */
const PREFIX = "icp_";

/** The keys that the file has already; none when there is no file. */
const existing = async (path: string): Promise<readonly ApiKey[]> => {
  const absent = await readFile(path).then(
    () => false,
    (error: NodeJS.ErrnoException) => error.code === "ENOENT",
  );
  return absent ? [] : readApiKeys(path);
};

const makeKey = async ({ file, name, scope }: Flags): Promise<void> => {
  const key = PREFIX + randomBytes(32).toString("base64url");
  const keys = [...(await existing(file)), { name, scope, sha256: hashKey(key) }];
  const content = apiKeysSchema.safeParse({ keys });
  if (!content.success) throw new Error(`--name=${name} ${content.error.issues[0]?.message}.`);
  await writeFileAtomic(file, `${JSON.stringify(content.data, null, 2)}\n`);
  process.stdout.write(`${key}\n`);
  process.stderr.write(`The hash is in ${file}. The key is shown this once.\n`);
};

const fail = (error: unknown): never => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
};

await new Command("api-key")
  .description("Makes a key: prints it once, and adds its hash to a file for API_KEYS_FILE.")
  .requiredOption("--name <name>", "whose key it is, for the log")
  .addOption(new Option("--scope <scope>", "what it may do").choices(SCOPES).default("predict"))
  .option("--file <path>", "file of the hashes", "api-keys.json")
  .action(makeKey)
  .parseAsync()
  .catch(fail);
