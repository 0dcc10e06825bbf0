import { orderDeletions } from "./deletion-order.ts";
import { EngineError, UnreachableError } from "./engine-error.ts";
import { StoppedError } from "./monitor.ts";
import { isDefaultProvider, isProviderType, knownIdentity } from "./register-provider.ts";
import {
  type PendingOperation,
  parseProviderReference,
  type ResourceState,
  requirementsOf,
} from "./resource-state.ts";
import {
  contextFor,
  describeResource,
  type providerInputsOf,
  providerOf,
  type Session,
  showStep,
} from "./session.ts";

type Reach =
  | { readonly state: "reachable" }
  /** The cluster that held the objects is no more: `why` says how that shows. */
  | { readonly state: "gone"; readonly why: string };

const COMMAND = "command:local:Command";

/** Whether a command that is to be deleted as well made what the provider speaks to. */
const madeByDoomedCommand = (
  session: Session,
  start: string,
  doomed: readonly ResourceState[],
): boolean => {
  const seen = new Set<string>();
  const visit = (urn: string): boolean => {
    if (seen.has(urn)) return false;
    seen.add(urn);
    const resource = session.journal.find(urn);
    if (resource === undefined) return false;
    if (resource.type === COMMAND && doomed.includes(resource)) return true;
    return requirementsOf(resource).some(visit);
  };
  return visit(start);
};

const wantsUnreachableDeleted = (inputs: ReturnType<typeof providerInputsOf>): boolean =>
  [inputs["deleteUnreachable"], process.env["PULUMI_K8S_DELETE_UNREACHABLE"]].some(
    (value) => value === true || value === "true",
  );

const reachProvider = async (
  session: Session,
  reference: string,
  doomed: readonly ResourceState[],
): Promise<Reach> => {
  const { urn } = parseProviderReference(reference);
  const provider = session.journal.find(urn);
  if (provider?.type !== "pulumi:providers:kubernetes") return { state: "reachable" };
  const inputs = provider.inputs ?? {};
  const identity = knownIdentity(provider);
  try {
    const now = await session.providers.kubernetes.identify(inputs, session);
    if (identity === undefined || identity === now) return { state: "reachable" };
    return { state: "gone", why: "the kubeconfig names another cluster now" };
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error;
    if (madeByDoomedCommand(session, urn, doomed)) {
      return { state: "gone", why: "its cluster does not answer and is deleted as well" };
    }
    if (wantsUnreachableDeleted(inputs))
      return { state: "gone", why: "its cluster does not answer" };
    throw new EngineError(
      `${error.message} To drop its objects from the state nevertheless, set PULUMI_K8S_DELETE_UNREACHABLE=true.`,
      { cause: error },
    );
  }
};

const checkUnprotected = (doomed: readonly ResourceState[]): void => {
  const kept = doomed.find(({ protect }) => protect === true);
  if (kept === undefined) return;
  throw new EngineError(
    `${describeResource(kept.urn)} is protected; nothing was deleted. Remove protect and run up first.`,
  );
};

/** Whether nothing outside the state has to be deleted for this resource. */
const isStateOnly = (resource: ResourceState, doomed: readonly ResourceState[]): boolean =>
  !resource.custom ||
  isProviderType(resource.type) ||
  resource.retainOnDelete === true ||
  doomed.some(({ urn }) => urn === resource.deletedWith);

const removeOne = async (
  session: Session,
  resource: ResourceState,
  doomed: readonly ResourceState[],
): Promise<void> => {
  const operation: PendingOperation = { type: "deleting", resource };
  if (isStateOnly(resource, doomed)) {
    await session.journal.forget([resource]);
    return;
  }
  const provider = providerOf(session, resource.type);
  if (provider === undefined) {
    throw new EngineError(
      `the resource type ${resource.type} is unknown here; delete ${describeResource(resource.urn)} with the Pulumi CLI.`,
    );
  }
  await session.journal.begin(operation);
  try {
    await provider.remove(resource, contextFor(session, resource, resource.customTimeouts?.delete));
  } catch (error) {
    await session.journal.end(operation, resource);
    throw error;
  }
  await session.journal.end(operation, undefined);
};

/**
 * Deletes resources in reverse order of their dependencies, side by side where that allows it. Objects of a cluster that is
 * gone are dropped from the state. A failure stops what comes after; it is shown, not thrown.
 */
export const deleteResources = async (
  session: Session,
  doomed: readonly ResourceState[],
): Promise<void> => {
  checkUnprotected(doomed);
  const reaches = new Map<string, Promise<Reach>>();
  const reach = (resource: ResourceState): Promise<Reach> => {
    const { provider } = resource;
    if (provider === undefined || session.dryRun || isStateOnly(resource, doomed)) {
      return Promise.resolve({ state: "reachable" });
    }
    const asked = reaches.get(provider) ?? reachProvider(session, provider, doomed);
    reaches.set(provider, asked);
    return asked;
  };

  const work = async (resource: ResourceState): Promise<void> => {
    session.checkRunning();
    const { urn } = resource;
    const found = await reach(resource);
    if (isDefaultProvider(resource)) {
      if (!session.dryRun) await session.journal.forget([resource]);
    } else if (session.dryRun) {
      session.display.plan("delete", urn, []);
      session.count("delete");
    } else if (found.state === "gone") {
      session.display.message("info", `dropped from the state: ${found.why}.`, urn);
      await session.journal.forget([resource]);
      session.count("drop");
    } else {
      const step = { operation: "delete", urn } as const;
      await showStep(session, step, () => removeOne(session, resource, doomed));
    }
  };

  const finished = new Map<ResourceState, Promise<void>>();
  for (const { resource, after } of orderDeletions(doomed)) {
    const run = async (): Promise<void> => {
      await Promise.all(after.map((other) => finished.get(other) ?? Promise.resolve()));
      try {
        await session.limit(() => work(resource));
      } catch (error) {
        session.fail(error, { urn: resource.urn, inputs: resource.inputs ?? {} });
        throw new StoppedError("the operation is ending");
      }
    };
    finished.set(resource, run());
  }
  await Promise.allSettled(finished.values());
};
