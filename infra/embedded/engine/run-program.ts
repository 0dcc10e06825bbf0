import { deleteResources } from "./delete-resources.ts";
import { EngineError } from "./engine-error.ts";
import { StoppedError, startMonitor } from "./monitor.ts";
import type { OpenStack } from "./open-stack.ts";
import { startProgram } from "./program.ts";
import { configSecretsHider, type ProgramConfig } from "./project.ts";
import type { PropertyMap } from "./property-values.ts";
import { createRegistrar, type Registrar } from "./register.ts";
import type { Session } from "./session.ts";

/** Asks the policies about all resources together, as they are known now. */
const judgeStack = async (session: Session, { isDeclared }: Registrar): Promise<void> => {
  const { policies, journal } = session;
  if (policies === undefined) return;
  const states = journal.all().filter(({ urn, delete: gone }) => gone !== true && isDeclared(urn));
  if (!(await policies.admitsStack(states))) session.refuse();
};

/**
 * Starts the program, works on what it declares, and in the end deletes what it no longer declares.
 *
 * @returns what it exports
 */
export const runProgram = async (
  session: Session,
  opened: OpenStack,
  config: ProgramConfig,
  parallel: number,
): Promise<PropertyMap> => {
  const { display } = session;
  const registrar = createRegistrar(session);
  const hide = configSecretsHider(config);
  const monitor = await startMonitor({
    register: registrar.register,
    registerOutputs: registrar.registerOutputs,
    log: (severity, message, urn) => {
      // Once a resource has failed, the SDK hangs up and cannot declare what depends on those that still came to an end.
      if (session.failed() && message.includes("Channel has been shut down")) return;
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
    // What it says once it has been stopped is only that.
    print: (line) => {
      if (!session.failed()) display.message("info", hide(line));
    },
  });
  try {
    const code = await program.ended;
    if (code !== 0 && !session.failed() && !session.signal.aborted) {
      session.fail(new EngineError(`the program ended with exit code ${code}.`));
    }
    await registrar.settled();
    if (session.isRunning()) await judgeStack(session, registrar);
    if (session.isRunning()) {
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
