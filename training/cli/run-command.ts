import process from "node:process";
import type { Command } from "commander";
import { ImageError } from "../../model/image-error.ts";
import { ModelError } from "../../model/model-error.ts";
import { UserError } from "../user-error.ts";

/** System errors that a person can mend, and how. */
const ADVICE: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full; free some space",
  EDQUOT: "the disk quota is used up; free some space",
  EACCES: "permission denied; choose another directory or change its owner",
  EPERM: "not permitted; choose another directory or change its owner",
  EROFS: "the file system is read-only; choose another directory",
  ENOENT: "no such file or directory",
  ENOTDIR: "a part of the path is a file, not a directory",
  EISDIR: "is a directory, not a file",
  EEXIST: "a file is in the way",
};

/** One line that says what happened and what to do, or undefined for a defect of this program. */
export const explainError = (error: unknown): string | undefined => {
  if (!(error instanceof Error)) return undefined;
  if ([UserError, ModelError, ImageError].some((kind) => error instanceof kind)) {
    return error.message.replaceAll(/\s*\n\s*/g, " ");
  }
  const code = "code" in error ? String(error.code) : "";
  const advice = ADVICE[code];
  const path = "path" in error ? `${String(error.path)}: ` : "";
  return advice && `${path}${advice} (${code}).`;
};

/**
 * Runs a command line to its end: exit code 0, or 1 with one line on stderr. SIGINT and SIGTERM end the process at once
 * with the shell's exit codes; files are replaced by renaming, so nothing half-written is ever in place.
 */
export const runCommand = async (command: Command): Promise<void> => {
  for (const [signal, code] of [["SIGINT", 130] as const, ["SIGTERM", 143] as const]) {
    process.on(signal, () => {
      process.stderr.write("stopped; nothing half-written is left in place.\n");
      process.exit(code);
    });
  }
  try {
    await command.parseAsync();
  } catch (error) {
    const line = explainError(error);
    if (line === undefined) throw error;
    process.stderr.write(`error: ${line}\n`);
    process.exitCode = 1;
  }
};
