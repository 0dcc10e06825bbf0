import { type SpawnOptions, spawn } from "node:child_process";
import { UserError } from "./user-error.ts";

/** How a command is run. */
export type CommandOptions = {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Written to standard input. */
  readonly input?: string;
  /** Milliseconds after which the command is ended, and the call fails; none by default. */
  readonly timeout?: number;
};

/** What a command printed, and how it ended: `code` is null when a signal ended it. */
export type CommandResult = {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
};

/** A program that this machine does not have. */
export class MissingProgram extends UserError {
  constructor(program: string) {
    super(`${program} is not installed; install it or add it to PATH.`);
  }
}

/** Runs a program without a shell and collects what it prints; a non-zero exit is a result, not an error. */
export const tryCommand = (
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> =>
  new Promise((resolve, reject) => {
    const spawnOptions: SpawnOptions = {
      stdio: ["pipe", "pipe", "pipe"],
      ...(options.cwd && { cwd: options.cwd }),
      ...(options.env && { env: options.env }),
      // Not spawn's own timeout: its timer outlives a program that could not be started, and keeps this process alive.
      ...(options.timeout && { signal: AbortSignal.timeout(options.timeout) }),
    };
    const child = spawn(program, args, spawnOptions);
    let stdout = "";
    let stderr = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.stdin?.on("error", () => {
      // The program ended without reading its input: its exit code says whether that matters.
    });
    child.stdin?.end(options.input ?? "");
    child.on("error", (error: NodeJS.ErrnoException) => {
      reject(error.code === "ENOENT" ? new MissingProgram(program) : error);
    });
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });

const lastLines = (text: string): string => text.trim().split("\n").slice(-15).join("\n  ");

/** Runs a program and returns its standard output; a non-zero exit is an error with the last lines that it printed. */
export const runCommand = async (
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> => {
  const result = await tryCommand(program, args, options);
  if (result.code === 0) return result.stdout;
  throw new UserError(
    `${[program, ...args].slice(0, 4).join(" ")} failed (${result.code ?? "ended by a signal"}):\n  ${lastLines(result.stderr || result.stdout)}`,
  );
};
