/** What this project reads of an Argo CD Application. Times have whole seconds. */
export type Application = {
  readonly operation?: object;
  readonly status?: {
    readonly sync?: { readonly status: string; readonly revision?: string };
    readonly health?: { readonly status: string };
    readonly conditions?: readonly { readonly type: string; readonly message: string }[];
    readonly resources?: readonly {
      readonly kind: string;
      readonly name: string;
      readonly status?: string;
      readonly health?: { readonly status: string; readonly message?: string };
    }[];
    readonly operationState?: OperationState;
  };
};

type OperationState = {
  readonly phase: "Running" | "Terminating" | "Succeeded" | "Failed" | "Error";
  readonly message?: string;
  readonly startedAt: string;
  readonly operation?: {
    readonly sync?: {
      readonly revision?: string;
      /** What alone was synced, as by self-heal. */
      readonly resources?: readonly object[];
    };
  };
  readonly syncResult?: {
    readonly revision?: string;
    readonly resources?: readonly {
      readonly kind: string;
      readonly name: string;
      readonly status?: string;
      readonly hookPhase?: string;
      readonly message?: string;
    }[];
  };
};

/** How a sync stands. `outdated`: it works on a commit that is no longer the newest. */
export type Verdict =
  | { readonly state: "passed"; readonly revision: string }
  | { readonly state: "failed"; readonly reasons: readonly string[] }
  | { readonly state: "busy" | "outdated" | "idle"; readonly text: string };

const revisionOf = ({ operation, syncResult }: OperationState): string | undefined =>
  syncResult?.revision || operation?.sync?.revision;

const reasonsOf = ({ status }: Application): readonly string[] => {
  const { operationState: state, resources = [], conditions = [] } = status ?? {};
  const failed = (state?.syncResult?.resources ?? []).filter(
    ({ status: sync, hookPhase }) =>
      sync === "SyncFailed" || hookPhase === "Failed" || hookPhase === "Error",
  );
  const unhealthy = resources.filter(({ health }) => health && health.status !== "Healthy");
  return [
    ...(state?.message ? [`Argo CD says: ${state.message}`] : []),
    ...conditions
      .filter(({ type }) => type.endsWith("Error"))
      .map(({ type, message }) => `${type}: ${message}`),
    ...failed.map(({ kind, name, message }) => `${kind} ${name}: ${message ?? "failed"}`),
    ...unhealthy.map(
      ({ kind, name, health }) =>
        `${kind} ${name} is ${health?.status}${health?.message ? `: ${health.message}` : ""}`,
    ),
  ];
};

const isBroken = ({ status }: Application): boolean =>
  (status?.conditions ?? []).some(({ type }) => type === "ComparisonError");

/**
 * Judges an Application: whether what it was asked to deploy, the newest commit, is deployed, healthy and tested.
 *
 * @param since syncs that began before do not count; milliseconds
 */
export const judge = (application: Application, since = 0): Verdict => {
  const { operationState: state, sync, health } = application.status ?? {};
  if (isBroken(application)) return { state: "failed", reasons: reasonsOf(application) };
  const head = sync?.revision;
  const text = state?.message ?? "not begun";
  if (application.operation || state?.phase === "Running" || state?.phase === "Terminating") {
    const at = state && revisionOf(state);
    const old = state?.phase === "Running" && at && head && at !== head;
    return { state: old ? "outdated" : "busy", text };
  }
  const counts = state && Date.parse(state.startedAt) >= Math.floor(since / 1000) * 1000;
  // A part's sync runs no hooks.
  const partial = (state?.operation?.sync?.resources ?? []).length > 0;
  // Whoever ended it, perhaps for a commit that it seemed to lack: it says nothing about this one.
  const ended = /terminated/i.test(state?.message ?? "");
  if (!state || !counts || partial || ended || !head || revisionOf(state) !== head) {
    return { state: "idle", text };
  }
  if (state.phase !== "Succeeded") return { state: "failed", reasons: reasonsOf(application) };
  if (sync.status === "Synced" && health?.status === "Healthy") {
    return { state: "passed", revision: head };
  }
  return { state: "busy", text: `${sync.status}, ${health?.status}` };
};

/** Why a sync is not through yet, for when waiting for it has ended. */
export const describeUnfinished = (application: Application): readonly string[] =>
  reasonsOf(application);
