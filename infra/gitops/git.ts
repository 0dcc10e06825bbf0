import { type CommandResult, runCommand, tryCommand } from "../run-command.ts";

/** Who commits what no person wrote. */
const BOT = {
  GIT_AUTHOR_NAME: "image-classification-platform bot",
  GIT_AUTHOR_EMAIL: "bot@image-classification-platform.invalid",
  GIT_COMMITTER_NAME: "image-classification-platform bot",
  GIT_COMMITTER_EMAIL: "bot@image-classification-platform.invalid",
};

const environment = (): NodeJS.ProcessEnv => ({
  ...process.env,
  ...BOT,
  // A question on the terminal would wait for ever.
  GIT_TERMINAL_PROMPT: "0",
});

/** Runs git in a directory as the bot. @throws UserError with git's last lines */
export const git = (directory: string, ...args: readonly string[]): Promise<string> =>
  runCommand("git", ["-C", directory, ...args], { env: environment() });

/** The same, with a failure as a result. */
export const tryGit = (directory: string, ...args: readonly string[]): Promise<CommandResult> =>
  tryCommand("git", ["-C", directory, ...args], { env: environment() });
