import { spawn } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { readOutputs, runOperation } from "../embedded/engine/index.ts";
import { repositoryDirectory, stateDirectory } from "../paths.ts";
import { runCommand } from "../run-command.ts";
import { UserError } from "../user-error.ts";
import { readPassphrase } from "./passphrase.ts";
import type { Selection } from "./selection.ts";

const policyPack = join(repositoryDirectory, "infra", "policy");

/** The Pulumi state of all stacks, in the layout of Pulumi's own file backend: both engines work on it. */
const backendDirectory = join(stateDirectory, "pulumi");

/** What can be done with a stack. */
export type Operation = "preview" | "up" | "destroy";

/** Settings of an operation. */
export type OperationOptions = {
  readonly expectNoChanges: boolean;
};

const cliEnvironment = async (): Promise<NodeJS.ProcessEnv> => {
  await mkdir(backendDirectory, { recursive: true });
  return {
    ...process.env,
    PULUMI_BACKEND_URL: `file://${backendDirectory}`,
    PULUMI_CONFIG_PASSPHRASE: await readPassphrase(process.env),
    PULUMI_SKIP_UPDATE_CHECK: "true",
  };
};

const runCli = async (
  { cli: [program, ...first], stack, policies, cluster }: Selection,
  operation: Operation,
  options: OperationOptions,
): Promise<void> => {
  const gone = operation === "destroy" && cluster.kind === "embedded";
  const env = {
    // Half a cluster is taken down before: what was in it is in the state alone, and is dropped from it.
    ...(gone && { PULUMI_K8S_DELETE_UNREACHABLE: "true" }),
    ...(await cliEnvironment()),
  };
  const select = ["stack", "select", "--create", stack];
  await runCommand(program, [...first, ...select], { cwd: repositoryDirectory, env });
  const judged = policies && operation !== "destroy";
  const flags = [
    ...(operation === "preview" ? ["--diff"] : ["--yes"]),
    // With policies an update is previewed first: what violates one stops it before anything is changed.
    ...(judged ? ["--policy-pack", policyPack] : []),
    ...(judged || operation === "preview" ? [] : ["--skip-preview"]),
    ...(options.expectNoChanges ? ["--expect-no-changes"] : []),
  ];
  const child = spawn(program, [...first, operation, "--stack", stack, ...flags], {
    cwd: repositoryDirectory,
    env,
    stdio: "inherit",
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject).once("close", resolve);
  });
  if (code !== 0) throw new UserError(`pulumi ${operation} failed; its messages are above.`);
};

/** Aborts at the first Ctrl-C: the steps under way end and are saved, no new one begins. */
const abortOnInterrupt = (): { readonly signal: AbortSignal; readonly release: () => void } => {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  process.once("SIGINT", abort).once("SIGTERM", abort);
  const release = (): void => {
    process.off("SIGINT", abort).off("SIGTERM", abort);
  };
  return { signal: controller.signal, release };
};

const runEmbedded = async (
  { stack, policies }: Selection,
  operation: Operation,
  { expectNoChanges }: OperationOptions,
): Promise<void> => {
  const { signal, release } = abortOnInterrupt();
  try {
    const { exitCode, changed } = await runOperation({
      operation,
      projectDirectory: repositoryDirectory,
      stack,
      backendDirectory,
      passphrase: await readPassphrase(process.env),
      expectNoChanges,
      ...(policies && { policyPack }),
      output: process.stdout,
      color: process.stdout.isTTY === true && !process.env["NO_COLOR"],
      signal,
    });
    if (exitCode === 0) return;
    throw new UserError(
      expectNoChanges && changed
        ? "Changes were expected not to be needed, but are: see above."
        : `${operation} failed; what happened is above, and what was done is saved.`,
    );
  } finally {
    release();
  }
};

/**
 * Runs an operation on a stack with the selected engine, its progress on standard output.
 *
 * @throws UserError when it failed, or when changes were needed although none were expected
 */
export const operate = (
  selection: Selection,
  operation: Operation,
  options: OperationOptions = { expectNoChanges: false },
): Promise<void> =>
  selection.engine === "cli"
    ? runCli(selection, operation, options)
    : runEmbedded(selection, operation, options);

/** The stack's outputs; empty when it was never deployed. */
export const outputsOf = async (
  selection: Selection,
): Promise<Readonly<Record<string, unknown>>> => {
  const { stack, engine, cli } = selection;
  if (engine === "embedded") {
    return readOutputs({
      projectDirectory: repositoryDirectory,
      stack,
      backendDirectory,
      passphrase: await readPassphrase(process.env),
    });
  }
  const [program, ...first] = cli;
  const args = [...first, "stack", "output", "--json", "--stack", stack];
  try {
    const text = await runCommand(program, args, {
      cwd: repositoryDirectory,
      env: await cliEnvironment(),
    });
    return JSON.parse(text) as Record<string, unknown>;
  } catch (error) {
    // The first operation makes the stack.
    if (error instanceof UserError && error.message.includes("no stack named")) return {};
    throw error;
  }
};
