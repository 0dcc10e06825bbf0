import { setMaxListeners } from "node:events";
import { resolve } from "node:path";
import type { Writable } from "node:stream";
import { deleteResources } from "./delete-resources.ts";
import { createDisplay, type Display, type Summary } from "./display.ts";
import { EngineError, messageOf } from "./engine-error.ts";
import { createLimit } from "./limit.ts";
import { StoppedError, startMonitor } from "./monitor.ts";
import { configOf, type OpenStack, openStack, type StackOptions } from "./open-stack.ts";
import { startProgram } from "./program.ts";
import { type ProgramConfig, readProject } from "./project.ts";
import { isMap, type PropertyMap, redact, reveal, secret, secretHider } from "./property-values.ts";
import { createCommandProvider } from "./providers/command.ts";
import { createKubernetesProvider } from "./providers/kubernetes/index.ts";
import { createRandomProvider } from "./providers/random.ts";
import { recoverResources } from "./recover.ts";
import { refreshResources } from "./refresh-resources.ts";
import { createRegistrar } from "./register.ts";
import { createSession, type Session } from "./session.ts";
import { backUpCheckpoint, prepareBackend, writeCheckpoint } from "./state/checkpoint.ts";
import { createJournal } from "./state/journal.ts";
import { acquireLock } from "./state/lock.ts";
import { STACK_TYPE } from "./urn.ts";

/** What to do with a stack. */
export type OperationOptions = StackOptions & {
  readonly operation: "preview" | "up" | "refresh" | "destroy";
  /** How many resources are worked on at a time. @default 16 */
  readonly parallel?: number;
  /** Makes any change a failure. @default false */
  readonly expectNoChanges?: boolean;
  readonly output: Writable;
  readonly color: boolean;
  /** Stops the operation: nothing new begins, what runs is ended and saved. */
  readonly signal?: AbortSignal;
};

/** How an operation ended. `exitCode` is 0 when it did what was asked, else 1; `outputs` never hold a secret. */
export type OperationResult = {
  readonly summary: Summary;
  readonly changed: boolean;
  readonly outputs: Readonly<Record<string, unknown>>;
  readonly exitCode: number;
};

const TITLES = {
  preview: "Previewing update",
  up: "Updating",
  refresh: "Refreshing",
  destroy: "Destroying",
} as const;

const runProgram = async (
  session: Session,
  opened: OpenStack,
  config: ProgramConfig,
  parallel: number,
): Promise<PropertyMap> => {
  const { display } = session;
  const registrar = createRegistrar(session);
  const hide = secretHider(config.secretKeys.map((key) => secret(config.values[key] ?? "")));
  const monitor = await startMonitor({
    register: registrar.register,
    registerOutputs: registrar.registerOutputs,
    log: (severity, message, urn) => {
      display.message(severity, hide(message), urn);
      if (severity === "error") session.fail(new StoppedError(message));
    },
    refuse: (what) =>
      session.fail(
        new EngineError(
          `the program asks for ${what}, which the embedded engine does not support: use the Pulumi CLI (PULUMI_ENGINE=cli).`,
        ),
      ),
  });
  const program = startProgram({
    project: opened.project,
    stack: session.stack,
    config,
    address: monitor.address,
    parallel,
    dryRun: session.dryRun,
    print: (line) => display.message("info", hide(line)),
  });
  try {
    const code = await program.ended;
    if (code !== 0 && !session.failed() && !session.signal.aborted) {
      session.fail(new EngineError(`the program ended with exit code ${code}.`));
    }
    await registrar.settled();
    if (!session.failed() && !session.signal.aborted) {
      const { journal } = session;
      await deleteResources(
        session,
        journal.all().filter((each) => each.delete === true || !registrar.isDeclared(each.urn)),
      );
    }
  } finally {
    program.kill();
    monitor.close();
  }
  return registrar.stackOutputs();
};

const plainOutputs = (
  outputs: PropertyMap,
  open: typeof redact,
): Readonly<Record<string, unknown>> => {
  const opened = open(outputs);
  return isMap(opened) ? opened : {};
};

const perform = async (
  options: OperationOptions,
  opened: OpenStack,
  display: Display,
): Promise<OperationResult> => {
  const start = Date.now();
  const { operation, expectNoChanges = false, parallel = 16 } = options;
  const { reference, secrets } = opened;
  const dryRun = operation === "preview";
  const config = await configOf(opened, options.passphrase);
  const journal = createJournal(recoverResources(opened.snapshot), (snapshot) =>
    dryRun ? Promise.resolve() : writeCheckpoint(reference, snapshot, secrets),
  );
  const session = createSession({
    project: opened.project.name,
    stack: options.stack,
    config: config.values,
    dryRun,
    journal,
    providers: {
      command: createCommandProvider(opened.project.workingDirectory),
      kubernetes: createKubernetesProvider(),
      random: createRandomProvider(),
    },
    display,
    signal: options.signal ?? new AbortController().signal,
    limit: createLimit(parallel),
  });
  // Every running step listens; Node would take more than ten for a leak.
  setMaxListeners(0, session.signal);
  let outputs: PropertyMap = {};
  try {
    if (operation === "destroy") await deleteResources(session, journal.all());
    else if (operation === "refresh") await refreshResources(session);
    else outputs = await runProgram(session, opened, config, parallel);
  } catch (error) {
    session.fail(error);
  } finally {
    await journal.flush();
  }
  if (session.signal.aborted) session.fail(new EngineError("interrupted; the state is saved."));
  const summary = session.counts();
  const changed = Object.entries(summary).some(([kind, count]) => kind !== "same" && count > 0);
  if (changed && expectNoChanges) {
    session.fail(new EngineError("no changes were expected, but there are some."));
  }
  if (!session.failed()) display.outputs(outputs);
  display.summary(summary, { preview: dryRun, milliseconds: Date.now() - start });
  return {
    summary,
    changed,
    outputs: plainOutputs(outputs, redact),
    exitCode: session.failed() ? 1 : 0,
  };
};

const NOTHING: Summary = { create: 0, update: 0, replace: 0, delete: 0, drop: 0, same: 0 };

/**
 * Runs an operation on a stack without the Pulumi CLI: starts the unmodified program, compares what it declares with the
 * state, and makes it so. Never throws: what went wrong is written to `output` as one line, and the exit code is 1.
 */
export const runOperation = async (options: OperationOptions): Promise<OperationResult> => {
  const display = createDisplay(options.output, options.color);
  display.header(`${TITLES[options.operation]} (${options.stack}):`);
  let release = async (): Promise<void> => undefined;
  try {
    if (options.operation !== "preview") {
      const { name: project } = await readProject(options.projectDirectory, options.stack);
      const backendDirectory = resolve(options.backendDirectory);
      const reference = { backendDirectory, project, stack: options.stack };
      await prepareBackend(reference);
      release = await acquireLock(reference);
      await backUpCheckpoint(reference);
    }
    return await perform(options, await openStack(options), display);
  } catch (error) {
    display.message("error", messageOf(error));
    return { summary: NOTHING, changed: false, outputs: {}, exitCode: 1 };
  } finally {
    await release();
  }
};

/**
 * Reads what the program exported when it was last run.
 *
 * @param options `showSecrets`: secrets in clear instead of `[secret]`. @default false
 * @returns nothing when the stack was never deployed
 * @throws EngineError when the state cannot be read
 */
export const readOutputs = async (
  options: StackOptions & { readonly showSecrets?: boolean },
): Promise<Readonly<Record<string, unknown>>> => {
  const { snapshot } = await openStack(options);
  const root = snapshot.resources.find(({ type }) => type === STACK_TYPE);
  return plainOutputs(root?.outputs ?? {}, options.showSecrets === true ? reveal : redact);
};
