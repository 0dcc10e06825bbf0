import { access, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { repositoryDirectory } from "../paths.ts";
import { runCommand } from "../run-command.ts";
import { UserError } from "../user-error.ts";

const directory = join(repositoryDirectory, "artifacts", "samples");

/** Over the rate limit or no slot free, starting or draining: the same picture is answered a little later. */
const TRANSIENT = [429, 503];
const DEFAULT_WAIT_MS = 1_000;
const PATIENCE_MS = 60_000;

/** A drawn picture of a cat for people to try the service with; drawn when it is not there. */
export const samplePicture = async (): Promise<string> => {
  const file = join(directory, "cat.0.png");
  const present = await access(file).then(
    () => true,
    () => false,
  );
  if (!present) {
    await runCommand(
      "node",
      ["training/cli/draw.ts", "--out", directory, "--count", "1", "--seed", "7"],
      { cwd: repositoryDirectory },
    );
  }
  return relative(process.cwd(), file);
};

/**
 * Sends a picture to the service, as the printed curl does, and returns its answer. A refusal that passes is tried again as
 * `Retry-After` says.
 *
 * @param key what the service asks for, if it does
 * @param patience milliseconds for which a busy service is tried
 * @throws UserError when it does not answer the picture
 */
export const askService = async (
  url: string,
  picture: string,
  key: string | undefined,
  patience = PATIENCE_MS,
): Promise<string> => {
  const until = performance.now() + patience;
  const body = new FormData();
  body.set("image", new Blob([await readFile(picture)]), "cat.png");
  const headers: Record<string, string> =
    key === undefined ? {} : { authorization: `Bearer ${key}` };
  for (;;) {
    const response = await fetch(`${url}/predict`, { method: "POST", body, headers });
    const text = await response.text();
    if (response.ok) return text.trim();
    const wait = Number(response.headers.get("retry-after")) * 1000 || DEFAULT_WAIT_MS;
    if (!TRANSIENT.includes(response.status) || performance.now() + wait > until) {
      throw new UserError(`${url}/predict answered ${response.status}: ${text}`);
    }
    await delay(wait);
  }
};
