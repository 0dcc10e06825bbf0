import { spawn } from "node:child_process";
import { access } from "node:fs/promises";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { EngineError, messageOf } from "../engine-error.ts";
import type { ProgramConfig } from "../project.ts";

/** What a policy pack is started with. */
export type PackOptions = {
  /** The folder of PulumiPolicy.yaml, as `--policy-pack` takes it. */
  readonly directory: string;
  readonly project: string;
  readonly stack: string;
  readonly config: ProgramConfig;
  readonly dryRun: boolean;
  /** Takes what the pack prints. */
  readonly print: (line: string) => void;
};

/** A running policy pack. */
export type PackProcess = { readonly address: string; readonly close: () => void };

const START_MS = 60_000;
/** A pack serves until it is ended; nobody ends it when the engine is killed, but then its standard input ends. */
const END_WITH_ENGINE =
  "data:text/javascript,process.stdin.resume().once('end',()=>process.exit()).unref();";

/** Where the pack's own SDK has what runs it. */
const findModule = async (directory: string): Promise<string> => {
  try {
    await access(join(directory, "PulumiPolicy.yaml"));
    const require = createRequire(join(directory, "package.json"));
    return require.resolve("@pulumi/pulumi/cmd/run-policy-pack");
  } catch (error) {
    throw new EngineError(
      `there is no policy pack with its packages installed in ${directory} (${messageOf(error).split("\n")[0]}).`,
      { cause: error },
    );
  }
};

/**
 * Starts a policy pack as the CLI does: by the SDK's own `cmd/run-policy-pack`, in a process of its own, which prints the
 * port that it listens on as its first line.
 *
 * @throws EngineError when it does not start; what it printed has been printed then
 */
export const startPack = async (options: PackOptions): Promise<PackProcess> => {
  const { project, stack, config, print } = options;
  const directory = resolve(options.directory);
  // The pack learns the engine's address, but has no use for it: nothing listens there.
  const module = await findModule(directory);
  const child = spawn(process.execPath, ["--import", END_WITH_ENGINE, module, "127.0.0.1:0", "."], {
    cwd: directory,
    env: {
      ...process.env,
      PULUMI_CONFIG: JSON.stringify(config.values),
      PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(config.secretKeys),
      PULUMI_NODEJS_ORGANIZATION: "organization",
      PULUMI_NODEJS_PROJECT: project,
      PULUMI_NODEJS_STACK: stack,
      PULUMI_NODEJS_DRY_RUN: String(options.dryRun),
    },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const close = (): void => void child.kill("SIGKILL");
  const printed: string[] = [];
  let take = (line: string): void => void printed.push(line);
  createInterface({ input: child.stderr }).on("line", (line) => take(line));
  const lines = createInterface({ input: child.stdout });
  try {
    const port = await new Promise<string>((done, refuse) => {
      lines.once("line", done);
      child.once("error", refuse);
      child.once("close", (code) => refuse(new Error(`it ended with exit code ${code}`)));
      setTimeout(() => refuse(new Error("it printed no port")), START_MS).unref();
    });
    if (!/^\d+$/.test(port)) throw new Error(`it printed "${port}" instead of a port`);
    for (const line of printed) print(line);
    take = print;
    lines.on("line", print);
    return { address: `127.0.0.1:${port}`, close };
  } catch (error) {
    close();
    for (const line of printed) print(line);
    throw new EngineError(`the policy pack ${directory} did not start: ${messageOf(error)}.`, {
      cause: error,
    });
  }
};
