import { setMaxListeners } from "node:events";
import { resolve } from "node:path";
import type { Writable } from "node:stream";
import { deleteResources } from "./delete-resources.ts";
import { createDisplay, type Display, onlyErrors, type Summary } from "./display.ts";
import { EngineError, messageOf } from "./engine-error.ts";
import { createLimit } from "./limit.ts";
import { configOf, type OpenStack, openStack, type StackOptions } from "./open-stack.ts";
import { type PolicyGate, startGate } from "./policy/gate.ts";
import { type ProgramConfig, readProject } from "./project.ts";
import { isMap, type PropertyMap, redact, reveal } from "./property-values.ts";
import { createCommandProvider } from "./providers/command.ts";
import { createKubernetesProvider } from "./providers/kubernetes/index.ts";
import { createRandomProvider } from "./providers/random.ts";
import { recoverResources } from "./recover.ts";
import { refreshResources } from "./refresh-resources.ts";
import { runProgram } from "./run-program.ts";
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
  /**
   * Folder of a policy pack that judges what the program declares, in a preview and in an update. An update is rehearsed
   * first: what violates a mandatory policy stops it before anything is changed. @default nothing is judged
   */
  readonly policyPack?: string;
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

const PARALLEL = 16;

const TITLES = {
  preview: "Previewing update",
  up: "Updating",
  refresh: "Refreshing",
  destroy: "Destroying",
} as const;

const plainOutputs = (
  outputs: PropertyMap,
  open: typeof redact,
): Readonly<Record<string, unknown>> => {
  const opened = open(outputs);
  return isMap(opened) ? opened : {};
};

const NOTHING: Summary = { create: 0, update: 0, replace: 0, delete: 0, drop: 0, same: 0 };

/** What the passes of one operation share. */
type Pass = {
  readonly options: OperationOptions;
  readonly opened: OpenStack;
  readonly config: ProgramConfig;
  readonly display: Display;
  readonly policies: PolicyGate | undefined;
};

const sessionOf = (
  { options, opened, config, display, policies }: Pass,
  dryRun: boolean,
): Session => {
  const { reference, secrets } = opened;
  const session = createSession({
    project: opened.project.name,
    stack: options.stack,
    config: config.values,
    dryRun,
    journal: createJournal(recoverResources(opened.snapshot), (snapshot) =>
      dryRun ? Promise.resolve() : writeCheckpoint(reference, snapshot, secrets),
    ),
    providers: {
      command: createCommandProvider(opened.project.workingDirectory),
      kubernetes: createKubernetesProvider(),
      random: createRandomProvider(),
    },
    policies,
    display,
    signal: options.signal ?? new AbortController().signal,
    limit: createLimit(options.parallel ?? PARALLEL),
  });
  // Every running step listens; Node would take more than ten for a leak.
  setMaxListeners(0, session.signal);
  return session;
};

/** Runs an update as a preview that shows only what is wrong. @returns whether nothing is */
const rehearse = async (pass: Pass): Promise<boolean> => {
  const { display, release } = onlyErrors(pass.display);
  const session = sessionOf({ ...pass, display }, true);
  try {
    await runProgram(session, pass.opened, pass.config, pass.options.parallel ?? PARALLEL);
  } catch (error) {
    session.fail(error);
  }
  if (session.signal.aborted) session.fail(new EngineError("interrupted; nothing was changed."));
  if (session.refused()) {
    pass.display.message("error", "policies are violated, see above; nothing was changed.");
  } else if (session.failed()) {
    release();
  }
  return !session.failed();
};

const perform = async (pass: Pass): Promise<OperationResult> => {
  const start = Date.now();
  const { options, opened, config, display } = pass;
  const { operation, expectNoChanges = false, parallel = PARALLEL } = options;
  const dryRun = operation === "preview";
  const session = sessionOf(pass, dryRun);
  const { journal } = session;
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

/** Runs an operation, with its policies where it has some. */
const judged = async (options: OperationOptions, display: Display): Promise<OperationResult> => {
  const opened = await openStack(options);
  const config = await configOf(opened, options.passphrase);
  const { operation, policyPack, stack } = options;
  const unjudged = { options, opened, config, display, policies: undefined };
  if (policyPack === undefined || (operation !== "preview" && operation !== "up")) {
    return perform(unjudged);
  }
  const policies = await startGate(
    {
      directory: policyPack,
      project: opened.project.name,
      stack,
      config,
      dryRun: operation === "preview",
      print: (line) => display.message("info", line),
    },
    display,
  );
  try {
    const pass = { ...unjudged, policies };
    if (operation === "up" && !(await rehearse(pass))) {
      return { summary: NOTHING, changed: false, outputs: {}, exitCode: 1 };
    }
    return await perform(pass);
  } finally {
    policies.close();
  }
};

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
    return await judged(options, display);
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
