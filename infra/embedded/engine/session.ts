import type { Display, Summary } from "./display.ts";
import { messageOf } from "./engine-error.ts";
import { StoppedError } from "./monitor.ts";
import type { PolicyGate } from "./policy/gate.ts";
import type { PropertyMap } from "./property-values.ts";
import { secretHider } from "./property-values.ts";
import type { KubernetesProvider } from "./providers/kubernetes/index.ts";
import type { Provider, ResourceContext } from "./providers/provider.ts";
import { parseProviderReference, type ResourceState } from "./resource-state.ts";
import type { Journal } from "./state/journal.ts";
import type { Operation } from "./steps.ts";
import { nameOf, typeOf } from "./urn.ts";

/** The providers that this engine has, by package. */
type Providers = {
  readonly command: Provider;
  readonly kubernetes: KubernetesProvider;
  readonly random: Provider;
};

/** What the parts of one running operation share. */
export type Session = {
  readonly project: string;
  readonly stack: string;
  readonly config: Readonly<Record<string, string>>;
  readonly dryRun: boolean;
  readonly journal: Journal;
  readonly providers: Providers;
  /** Undefined: nothing is judged. */
  readonly policies: PolicyGate | undefined;
  readonly display: Display;
  readonly signal: AbortSignal;
  readonly limit: <T>(task: () => Promise<T>) => Promise<T>;
  /** Counts a step that was done, or in a preview would be. */
  readonly count: (operation: Operation) => void;
  readonly counts: () => Summary;
  /** Shows a failure and stops the operation: what runs is finished, nothing new begins. */
  readonly fail: (
    error: unknown,
    resource?: { readonly urn: string; readonly inputs: PropertyMap },
  ) => void;
  readonly failed: () => boolean;
  /** Makes the operation a failure that has been shown already; a preview goes on, to find everything that is wrong. */
  readonly refuse: () => void;
  readonly refused: () => boolean;
  /** Whether something new may begin. */
  readonly isRunning: () => boolean;
  /** @throws StoppedError when nothing new may begin */
  readonly checkRunning: () => void;
};

/** Creates what the parts of an operation share. */
export const createSession = (
  parts: Omit<
    Session,
    "count" | "counts" | "fail" | "failed" | "refuse" | "refused" | "isRunning" | "checkRunning"
  >,
): Session => {
  const counts: Record<Operation, number> = {
    create: 0,
    update: 0,
    replace: 0,
    delete: 0,
    drop: 0,
    same: 0,
  };
  let failed = false;
  let refused = false;
  const isRunning = (): boolean => !failed && !(refused && !parts.dryRun) && !parts.signal.aborted;
  return {
    ...parts,
    count: (operation) => {
      counts[operation] += 1;
    },
    counts: () => counts,
    fail: (error, resource) => {
      failed = true;
      if (error instanceof StoppedError) return;
      const hide = secretHider(resource?.inputs ?? {});
      parts.display.message("error", hide(messageOf(error)), resource?.urn);
    },
    failed: () => failed || refused,
    refuse: () => {
      refused = true;
    },
    refused: () => refused,
    isRunning,
    checkRunning: () => {
      if (!isRunning()) throw new StoppedError("the operation is ending");
    },
  };
};

/** The provider of a resource type; undefined when this engine has none. */
export const providerOf = (session: Session, type: string): Provider | undefined => {
  const name = type.split(":")[0] ?? "";
  const known: Readonly<Record<string, Provider>> = session.providers;
  const provider = Object.hasOwn(known, name) ? known[name] : undefined;
  return provider?.supports(type) === true ? provider : undefined;
};

/** The inputs of the provider that a resource refers to. */
export const providerInputsOf = (session: Session, reference: string | undefined): PropertyMap =>
  reference === undefined
    ? {}
    : (session.journal.find(parseProviderReference(reference).urn)?.inputs ?? {});

/** What a provider is told when it works on a resource. */
export const contextFor = (
  session: Session,
  resource: Pick<ResourceState, "urn" | "provider" | "inputs">,
  timeout: number | undefined,
): ResourceContext => {
  const hide = secretHider(resource.inputs ?? {});
  return {
    urn: resource.urn,
    providerInputs: providerInputsOf(session, resource.provider),
    timeout,
    signal: session.signal,
    progress: (text) => session.display.progress(resource.urn, hide(text)),
    warn: (text) => session.display.message("warning", hide(text), resource.urn),
  };
};

/** Runs a step and shows its beginning and end. */
export const showStep = async <T>(
  session: Session,
  step: {
    readonly operation: Operation;
    readonly urn: string;
    readonly changes?: Parameters<Display["started"]>[2];
  },
  run: () => Promise<T>,
): Promise<T> => {
  const { operation, urn, changes = [] } = step;
  const start = Date.now();
  session.display.started(operation, urn, changes);
  try {
    const result = await run();
    session.display.ended(operation, urn, Date.now() - start);
    session.count(operation);
    return result;
  } catch (error) {
    session.display.failed(operation, urn, Date.now() - start);
    throw error;
  }
};

/** `kubernetes:apps/v1:Deployment "api"`, as errors name a resource. */
export const describeResource = (urn: string): string => `${typeOf(urn)} "${nameOf(urn)}"`;
