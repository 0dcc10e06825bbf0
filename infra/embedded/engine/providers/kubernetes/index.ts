import { diffProperties } from "../../diff.ts";
import { EngineError, messageOf, UnreachableError } from "../../engine-error.ts";
import { valueAt, withValueAt } from "../../property-path.ts";
import {
  containsUnknown,
  isMap,
  markSecretsLike,
  type PropertyMap,
  revealMap,
} from "../../property-values.ts";
import type { ResourceState } from "../../resource-state.ts";
import { nameOf } from "../../urn.ts";
import { type Outcome, PartialError, type Provider, type ResourceContext } from "../provider.ts";
import { type AwaitOptions, awaitGone, awaitReady } from "./await.ts";
import { ApiError } from "./client.ts";
import { describeFailure } from "./describe-failure.ts";
import {
  comparable,
  hideData,
  idOf,
  managerOf,
  nameIn,
  outputsOf,
  sameName,
  toObject,
} from "./objects.ts";
import { checkFor } from "./readiness.ts";
import { createServerAccess, type ServerAccess } from "./server-access.ts";
import { describeName, nameOfObject } from "./types.ts";

/** The provider, and the way to tell one cluster from another. */
export type KubernetesProvider = Provider & Pick<ServerAccess, "identify">;

/** What the server says when a field cannot change: the words differ by kind, the meaning does not. */
const IMMUTABLE =
  /immutable|updates to .* for fields other than|may not (be changed|change fields)|cannot be (changed|updated)/i;
const isImmutable = (error: unknown): boolean =>
  error instanceof ApiError && error.status === 422 && IMMUTABLE.test(error.message);

/** Manages Kubernetes objects by server-side apply, as @pulumi/kubernetes does. */
export const createKubernetesProvider = (): KubernetesProvider => {
  const { connect, apply, readLive, identify } = createServerAccess();

  const awaitOptions = async (context: ResourceContext): Promise<AwaitOptions> => ({
    ...(await connect(context.providerInputs)),
    timeout: context.timeout,
    signal: context.signal,
    progress: context.progress,
  });

  /** A Job or Pod that failed never runs again by itself: a new attempt needs a new object. */
  const hasFailedForGood = async (
    old: ResourceState,
    context: ResourceContext,
  ): Promise<boolean> => {
    if ((old.initErrors ?? []).length === 0) return false;
    const name = nameIn(old.inputs ?? {}, context.providerInputs);
    if (name.kind !== "Job" && name.kind !== "Pod") return false;
    const live = await readLive(name, context);
    return live !== undefined && checkFor(live)?.check(live).state === "failed";
  };

  const applyAndAwait = async (
    inputs: PropertyMap,
    old: ResourceState | undefined,
    context: ResourceContext,
  ): Promise<Outcome> => {
    const manager = managerOf(inputs, old);
    const applied = await apply(inputs, manager, context);
    const id = idOf(applied);
    try {
      const live = await awaitReady(applied, await awaitOptions(context));
      return { id, outputs: outputsOf(live, inputs, manager) };
    } catch (error) {
      const latest =
        (await readLive(nameOfObject(applied), context).catch(() => undefined)) ?? applied;
      const { client } = await connect(context.providerInputs);
      const details = context.signal.aborted ? "" : `\n${await describeFailure(latest, client)}`;
      throw new PartialError(
        `${describeName(nameOfObject(applied))}: ${messageOf(error)}${details}`,
        { id, outputs: outputsOf(latest, inputs, manager) },
        { cause: error },
      );
    }
  };

  return {
    supports: (type) => {
      const [, module = "", kind = ""] = type.split(":");
      // Charts, files of YAML and patches are no objects: the real provider expands or merges them.
      return !/^(helm|yaml|kustomize)\.?/.test(module) && !/Patch$|List$/.test(kind);
    },

    check: (_type, inputs, { urn }) => {
      const metadata = inputs["metadata"];
      const name = isMap(metadata) ? metadata["name"] : undefined;
      if (typeof name !== "string" || name === "") {
        throw new EngineError(
          `"${nameOf(urn)}" has no metadata.name; the embedded engine makes up no names: set one.`,
        );
      }
      return hideData(inputs, inputs);
    },

    plan: async (old, inputs, _changes, context) => {
      const before = old.inputs ?? {};
      if (containsUnknown(inputs)) return { kind: "update" };
      const [was, is] = [before, inputs].map((each) => nameIn(each, context.providerInputs));
      if (was !== undefined && is !== undefined && !sameName(was, is)) {
        return { kind: "replace", beside: true };
      }
      const manager = managerOf(inputs, old);
      try {
        if (await hasFailedForGood(old, context)) return { kind: "replace", beside: false };
        const { discovery } = await connect(context.providerInputs);
        const name = nameIn(inputs, context.providerInputs);
        if ((await discovery.lookUp(name.apiVersion, name.kind)) === undefined)
          return { kind: "update" };
        const live = await apply(inputs, manager, context, true);
        return { kind: "update", outputs: outputsOf(live, inputs, manager) };
      } catch (error) {
        if (isImmutable(error)) return { kind: "replace", beside: false };
        // Its namespace is gone, or the cluster is: the update itself finds it made again, or says what is wrong.
        const gone = error instanceof ApiError && error.status === 404;
        if (gone || error instanceof UnreachableError) return { kind: "update" };
        throw error;
      }
    },

    create: (_type, inputs, context) => applyAndAwait(inputs, undefined, context),
    update: (old, inputs, context) => applyAndAwait(inputs, old, context),

    remove: async (old, context) => {
      const inputs = old.inputs ?? {};
      const live = await readLive(nameIn(inputs, context.providerInputs), context);
      if (live === undefined) return;
      const { client, discovery } = await connect(context.providerInputs);
      try {
        await client.request({
          method: "DELETE",
          path: await discovery.pathOf(nameOfObject(live)),
          query: { propagationPolicy: "Background" },
        });
      } catch (error) {
        if (!(error instanceof ApiError && error.status === 404)) throw error;
        return;
      }
      if (toObject(inputs).metadata.annotations?.["pulumi.com/skipAwait"] === "true") return;
      await awaitGone(live, await awaitOptions(context));
    },

    read: async (old, context) => {
      const inputs = old.inputs ?? {};
      const live = await readLive(nameIn(inputs, context.providerInputs), context);
      if (live === undefined || live.metadata.deletionTimestamp !== undefined) return undefined;
      const manager = managerOf(inputs, old);
      const outputs = outputsOf(live, inputs, manager);
      // What an apply would change back is what someone else changed: the server itself knows its defaults and units.
      const wanted = await apply(inputs, manager, context, true).catch((error: unknown) => {
        if (isImmutable(error)) return undefined;
        throw error;
      });
      const drifted =
        wanted === undefined ? [] : diffProperties(comparable(wanted), comparable(live));
      const opened = revealMap(inputs);
      const found = drifted.reduce(
        (map, { path, after }) =>
          valueAt(opened, path) === undefined ? map : withValueAt(map, path, after),
        opened,
      );
      const seen = hideData(inputs, markSecretsLike(found, inputs) as PropertyMap);
      const hidden = drifted.length > 0 && diffProperties(inputs, seen).length === 0;
      return { inputs: hidden ? {} : seen, outputs };
    },

    identify,
  };
};
