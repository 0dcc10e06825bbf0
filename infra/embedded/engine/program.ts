import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { ProgramConfig, Project } from "./project.ts";

/** What the program is started with. */
export type ProgramOptions = {
  readonly project: Project;
  readonly stack: string;
  readonly config: ProgramConfig;
  /** Where the resource monitor and the engine listen. */
  readonly address: string;
  readonly parallel: number;
  readonly dryRun: boolean;
  readonly print: (line: string) => void;
};

/** The running program. */
export type Program = {
  /** Its exit code once it has ended; a signal counts as 1. */
  readonly ended: Promise<number>;
  /** Ends it at once. */
  readonly kill: () => void;
};

/** Starts the program as the CLI's language host does: by the SDK's own `cmd/run`, in a process of its own. */
export const startProgram = ({
  project,
  stack,
  config,
  address,
  parallel,
  dryRun,
  print,
}: ProgramOptions): Program => {
  // The program's own copy of the SDK, which is not necessarily the engine's.
  const require = createRequire(join(project.workingDirectory, "index.js"));
  const child = spawn(
    process.execPath,
    [
      ...project.nodeArguments,
      require.resolve("@pulumi/pulumi/cmd/run"),
      ...["--monitor", address, "--engine", address],
      ...["--project", project.name, "--stack", stack, "--organization", "organization"],
      ...["--root-directory", project.root, "--pwd", project.workingDirectory],
      ...["--parallel", String(parallel)],
      ...(dryRun ? ["--dry-run"] : []),
      project.entryPoint,
    ],
    {
      cwd: project.workingDirectory,
      env: {
        ...process.env,
        PULUMI_CONFIG: JSON.stringify(config.values),
        PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(config.secretKeys),
      },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", print);
  }
  const ended = new Promise<number>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 1));
  });
  return { ended, kill: () => void child.kill("SIGKILL") };
};
