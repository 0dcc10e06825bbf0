import type { Declaration } from "./declaration.ts";
import type { Change } from "./diff.ts";
import { EngineError, UnreachableError } from "./engine-error.ts";
import type { Registration } from "./monitor.ts";
import { markSecretKeys, type PropertyMap } from "./property-values.ts";
import { type Outcome, PartialError, type Provider } from "./providers/provider.ts";
import type { PendingOperation, ResourceState } from "./resource-state.ts";
import { contextFor, describeResource, type Session, showStep } from "./session.ts";
import { planStep } from "./steps.ts";

/** A declared resource, ready to be compared with the state: `wanted` is what the state will say of it. */
export type Custom = {
  readonly declaration: Declaration;
  readonly provider: Provider;
  readonly wanted: ResourceState;
};

const registrationOf = ({ urn, id, outputs }: ResourceState): Registration => ({
  urn,
  id: id ?? "",
  outputs: outputs ?? {},
});

/** Records the operation before it starts and its outcome after, so that a kill at any moment loses nothing. */
const recorded = async (
  session: Session,
  operation: PendingOperation,
  run: () => Promise<Outcome>,
): Promise<ResourceState> => {
  const { journal } = session;
  const { resource } = operation;
  const before = journal.find(resource.urn);
  await journal.begin(operation);
  const finish = async (
    outcome: Outcome,
    initErrors: readonly string[],
  ): Promise<ResourceState> => {
    const { id, outputs } = outcome;
    const { initErrors: _, ...wanted } = resource;
    const now = new Date().toISOString();
    const created = before?.created ?? (initErrors.length === 0 ? now : undefined);
    const state: ResourceState = {
      ...wanted,
      id,
      outputs: markSecretKeys(outputs, wanted.additionalSecretOutputs ?? []),
      ...(created !== undefined && { created }),
      modified: now,
      ...(initErrors.length > 0 && { initErrors }),
    };
    await journal.end(operation, state);
    return state;
  };
  try {
    return await finish(await run(), []);
  } catch (error) {
    if (error instanceof PartialError) {
      await finish(error.outcome, [firstLine(error.message)]);
    } else if (operation.type === "updating" && before !== undefined) {
      await journal.end(operation, { ...before, initErrors: ["the last update failed"] });
    } else if (!(error instanceof UnreachableError) && !session.signal.aborted) {
      await journal.end(operation, undefined);
    }
    // Otherwise nobody knows whether it was made: it stays pending, and the next operation looks.
    throw error;
  }
};

/** The state keeps why, not the logs: those may hold anything. */
const firstLine = (text: string): string => text.split("\n")[0] ?? text;

const create = (session: Session, { provider, wanted }: Custom): Promise<ResourceState> =>
  recorded(session, { type: "creating", resource: wanted }, () =>
    provider.create(
      wanted.type,
      wanted.inputs ?? {},
      contextFor(session, wanted, wanted.customTimeouts?.create),
    ),
  );

const removeFirst = async (
  session: Session,
  provider: Provider,
  old: ResourceState,
): Promise<void> => {
  const operation: PendingOperation = { type: "deleting", resource: old };
  await session.journal.begin(operation);
  try {
    await provider.remove(old, contextFor(session, old, old.customTimeouts?.delete));
  } catch (error) {
    await session.journal.end(operation, old);
    throw error;
  }
  await session.journal.end(operation, undefined);
};

const replace = async (
  session: Session,
  custom: Custom,
  old: ResourceState,
  beside: boolean,
): Promise<ResourceState> => {
  if (old.protect === true) {
    throw new EngineError(
      `${describeResource(old.urn)} would be replaced, but it is protected; remove protect first.`,
    );
  }
  if (beside) await session.journal.condemn(old);
  else await removeFirst(session, custom.provider, old);
  return create(session, custom);
};

const previewed = (wanted: ResourceState, id: string, outputs: PropertyMap): ResourceState => ({
  ...wanted,
  id,
  outputs: markSecretKeys(outputs, wanted.additionalSecretOutputs ?? []),
});

const runCreate = async (session: Session, custom: Custom): Promise<ResourceState> => {
  const { wanted } = custom;
  if (session.dryRun) {
    session.display.plan("create", wanted.urn, []);
    session.count("create");
    return previewed(wanted, "", wanted.inputs ?? {});
  }
  const step = { operation: "create", urn: wanted.urn } as const;
  return showStep(session, step, () => create(session, custom));
};

const runChange = async (
  session: Session,
  custom: Custom,
  old: ResourceState,
  change: { readonly changes: readonly Change[]; readonly mustReplace: boolean },
): Promise<ResourceState> => {
  const { wanted, provider, declaration } = custom;
  const { urn, inputs = {} } = wanted;
  const { changes } = change;
  const context = contextFor(session, wanted, wanted.customTimeouts?.update);
  const plan = await provider.plan(old, inputs, changes, context);
  const replaces = change.mustReplace || plan.kind === "replace";
  const beside = plan.kind === "replace" && plan.beside && !declaration.deleteBeforeReplace;
  const operation = replaces ? "replace" : "update";
  if (session.dryRun) {
    session.display.plan(operation, urn, changes);
    session.count(operation);
    if (replaces) return previewed(wanted, "", inputs);
    const outputs = plan.kind === "update" ? plan.outputs : undefined;
    return previewed(wanted, old.id ?? "", outputs ?? inputs);
  }
  return showStep(session, { operation, urn, changes }, () =>
    replaces
      ? replace(session, custom, old, beside)
      : recorded(session, { type: "updating", resource: wanted }, () =>
          provider.update(old, inputs, context),
        ),
  );
};

/** Compares a declared resource with the state, and in an update makes it so. */
export const registerCustom = async (session: Session, custom: Custom): Promise<Registration> => {
  const { declaration, wanted } = custom;
  const old = session.journal.find(wanted.urn);
  const step = planStep(old, {
    inputs: wanted.inputs ?? {},
    ignoreChanges: declaration.ignoreChanges,
    replaceOnChanges: declaration.replaceOnChanges,
  });
  const planned: Custom = { ...custom, wanted: { ...wanted, inputs: step.inputs } };
  if (old === undefined || step.kind === "create") {
    const state = await runCreate(session, planned);
    session.journal.keep(state);
    return registrationOf(state);
  }
  if (step.kind === "same") {
    const state = { ...old, ...planned.wanted };
    session.journal.keep(state);
    session.display.plan("same", wanted.urn, []);
    session.count("same");
    return registrationOf(state);
  }
  const state = await runChange(session, planned, old, step);
  session.journal.keep(state);
  return registrationOf(state);
};
