import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { PassThrough } from "node:stream";
import {
  type OperationOptions,
  type OperationResult,
  readOutputs,
  runOperation,
} from "../index.ts";

type Settings = Readonly<Record<string, string | boolean>>;
type Operation = OperationOptions["operation"];

/** What an operation printed, beside its result. */
type TrialResult = OperationResult & { readonly text: string };

/** A copy of the test program in a folder of its own, with its own state. */
export type Trial = {
  readonly path: (name: string) => string;
  readonly configure: (settings: Settings) => Promise<void>;
  readonly run: (operation: Operation, options?: Partial<OperationOptions>) => Promise<TrialResult>;
  /** The same in a process of its own, which can be killed; its output so far is in `text()`. */
  readonly start: (
    operation: Operation,
    options?: Pick<OperationOptions, "policyPack">,
  ) => {
    readonly process: ChildProcess;
    readonly text: () => string;
    readonly ended: Promise<number | null>;
  };
  readonly outputs: (showSecrets: boolean) => Promise<Readonly<Record<string, unknown>>>;
  /** The state as it is on disk. */
  readonly stateText: () => Promise<string>;
  /** What the program's command wrote down, line by line. */
  readonly journal: () => Promise<readonly string[]>;
  readonly remove: () => Promise<void>;
};

const engine = resolve(import.meta.dirname, "..");
const repository = resolve(engine, "../../..");
const PROJECT = `name: trial
runtime: {name: nodejs, options: {typescript: false}}
main: program
`;

/** Creates a trial. `base` are settings that every configuration of it has. */
export const createTrial = async (base: Settings): Promise<Trial> => {
  const directory = await mkdtemp(join(tmpdir(), "engine-trial-"));
  const path = (name: string): string => join(directory, name);
  await cp(join(engine, "testdata", "program"), path("program"), { recursive: true });
  await symlink(join(repository, "node_modules"), path("node_modules"));
  await writeFile(path("Pulumi.yaml"), PROJECT);
  const configure = (settings: Settings): Promise<void> => {
    const all = Object.entries({ journal: path("journal"), ...base, ...settings });
    const config = Object.fromEntries(all.map(([key, value]) => [`trial:${key}`, value]));
    return writeFile(path("Pulumi.dev.yaml"), JSON.stringify({ config }));
  };
  await configure({});
  const stack = {
    projectDirectory: directory,
    stack: "dev",
    backendDirectory: path("state"),
    passphrase: "correct horse",
  };

  return {
    path,
    configure,
    run: async (operation, options = {}) => {
      const output = new PassThrough();
      const chunks: Buffer[] = [];
      output.on("data", (chunk: Buffer) => chunks.push(chunk));
      const result = await runOperation({ ...stack, operation, output, color: false, ...options });
      return { ...result, text: Buffer.concat(chunks).toString("utf8") };
    },
    start: (operation, options = {}) => {
      const script = `
        import { runOperation } from ${JSON.stringify(join(engine, "index.ts"))};
        const controller = new AbortController();
        process.once("SIGINT", () => controller.abort());
        const options = ${JSON.stringify({ ...stack, operation, color: false, ...options })};
        const { exitCode } = await runOperation({ ...options, output: process.stdout, signal: controller.signal });
        process.exitCode = exitCode;`;
      const child = spawn(process.execPath, ["--input-type=module", "--eval", script], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      let text = "";
      child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      const ended = once(child, "close").then(([code]) => code as number | null);
      return { process: child, text: () => text, ended };
    },
    outputs: (showSecrets) => readOutputs({ ...stack, showSecrets }),
    stateText: () => readFile(path("state/.pulumi/stacks/trial/dev.json"), "utf8"),
    journal: async () => (await readFile(path("journal"), "utf8")).trim().split("\n"),
    remove: () => rm(directory, { recursive: true, force: true }),
  };
};
