import { access, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { repositoryDirectory } from "../paths.ts";
import { runCommand } from "../run-command.ts";
import { UserError } from "../user-error.ts";

const directory = join(repositoryDirectory, "artifacts", "samples");

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

/** Sends a picture to the service, as the printed curl does, and returns its answer. @param key what the service asks for, if it does */
export const askService = async (
  url: string,
  picture: string,
  key: string | undefined,
): Promise<string> => {
  const body = new FormData();
  body.set("image", new Blob([await readFile(picture)]), "cat.png");
  const response = await fetch(`${url}/predict`, {
    method: "POST",
    body,
    headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
  });
  const text = await response.text();
  if (!response.ok) throw new UserError(`${url}/predict answered ${response.status}: ${text}`);
  return text.trim();
};
