import { formatDuration } from "../../durations.ts";
import { EngineError } from "../../engine-error.ts";
import type { ApiClient } from "./client.ts";
import type { Discovery } from "./discovery.ts";
import { byName, follow, type Selection } from "./follow.ts";
import { checkFor, hasReadyEndpoint, needsEndpoints, type Readiness } from "./readiness.ts";
import { throttle } from "./throttle.ts";
import { conditionsOf, type KubernetesObject, nameOfObject } from "./types.ts";
import { parseWaitFor } from "./wait-for.ts";
import { showWarnings } from "./warnings.ts";

/** What waiting needs to know besides the object. */
export type AwaitOptions = {
  readonly client: ApiClient;
  readonly discovery: Discovery;
  /** Seconds; undefined for the kind's default. */
  readonly timeout: number | undefined;
  readonly signal: AbortSignal;
  readonly progress: (text: string) => void;
};

const DEFAULT_TIMEOUT = 600;

/** Waiting came to an end without the wanted state. */
class NotReadyError extends EngineError {}

/** Follows a selection until `test` says ready. @throws NotReadyError when it fails or the time is over */
const awaitSelection = async (
  selection: Selection,
  test: (items: readonly KubernetesObject[]) => Readiness,
  options: AwaitOptions & { readonly seconds: number; readonly namespace: string | undefined },
): Promise<readonly KubernetesObject[]> => {
  const { client, signal, seconds } = options;
  const progress = throttle(options.progress);
  const endWarnings = showWarnings(client, options.namespace, options.progress);
  const timeout = AbortSignal.timeout(seconds * 1000);
  let text = "";
  try {
    for await (const items of follow(client, selection, AbortSignal.any([signal, timeout]))) {
      const readiness = test(items);
      if (readiness.state === "ready") return items;
      text = readiness.text;
      if (readiness.state === "failed") throw new NotReadyError(`failed: ${text}`);
      progress.say(text);
    }
  } catch (error) {
    if (error instanceof NotReadyError) throw error;
    if (signal.aborted) throw new NotReadyError(`interrupted while waiting (${text})`);
    if (!timeout.aborted) throw error;
  } finally {
    endWarnings();
    progress.end();
  }
  throw new NotReadyError(
    `not ready after ${formatDuration(seconds * 1000)}: ${text}; a longer customTimeouts may help.`,
  );
};

/** A claim whose volume is only made once a pod uses it cannot be waited for before that pod exists. */
const waitsForConsumer = async (object: KubernetesObject, client: ApiClient): Promise<boolean> => {
  if (object.apiVersion !== "v1" || object.kind !== "PersistentVolumeClaim") return false;
  const { items = [] } = (await client.request({
    method: "GET",
    path: "/apis/storage.k8s.io/v1/storageclasses",
  })) as {
    readonly items?: readonly (KubernetesObject & { readonly volumeBindingMode?: string })[];
  };
  const wanted = object.spec?.["storageClassName"];
  const isDefault = (each: KubernetesObject): boolean =>
    each.metadata.annotations?.["storageclass.kubernetes.io/is-default-class"] === "true";
  return items.some(
    (each) =>
      (wanted === undefined ? isDefault(each) : each.metadata.name === wanted) &&
      each.volumeBindingMode === "WaitForFirstConsumer",
  );
};

const checkOf = (object: KubernetesObject): ((live: KubernetesObject) => Readiness) | undefined => {
  const annotation = object.metadata.annotations?.["pulumi.com/waitFor"];
  if (annotation === undefined) return checkFor(object)?.check;
  const wishes = parseWaitFor(annotation);
  return (live) => {
    const unmet = wishes.find((wish) => !wish.isMet(live));
    return unmet === undefined
      ? { state: "ready" }
      : { state: "waiting", text: `waiting for ${unmet.text}` };
  };
};

const selectionOf = async (object: KubernetesObject, discovery: Discovery): Promise<Selection> => {
  const path = await discovery.pathOf(nameOfObject(object));
  return byName(path.slice(0, path.lastIndexOf("/")), object.metadata.name);
};

/**
 * Waits until an applied object is ready, as @pulumi/kubernetes does: by its kind, or by the annotations
 * `pulumi.com/waitFor` and `pulumi.com/skipAwait`.
 *
 * @returns the object as it was when ready
 * @throws NotReadyError
 */
export const awaitReady = async (
  object: KubernetesObject,
  options: AwaitOptions,
): Promise<KubernetesObject> => {
  const { client, discovery } = options;
  const annotations = object.metadata.annotations ?? {};
  if (annotations["pulumi.com/skipAwait"] === "true") return object;
  const check = checkOf(object);
  const seconds = options.timeout ?? checkFor(object)?.timeout ?? DEFAULT_TIMEOUT;
  const timed = { ...options, seconds, namespace: object.metadata.namespace };
  const skip = check === undefined || check(object).state === "ready";
  let live = object;
  if (!skip && !(await waitsForConsumer(object, client))) {
    const [found] = await awaitSelection(
      await selectionOf(object, discovery),
      ([item]) =>
        item === undefined || item.metadata.uid !== object.metadata.uid
          ? { state: "failed", text: "someone else deleted it" }
          : check(item),
      timed,
    );
    live = found ?? object;
  }
  if (needsEndpoints(live) && annotations["pulumi.com/waitFor"] === undefined) {
    const { name, namespace } = live.metadata;
    const slices: Selection = {
      collection: `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`,
      query: { labelSelector: `kubernetes.io/service-name=${name}` },
    };
    const test = (items: readonly KubernetesObject[]): Readiness =>
      items.some(hasReadyEndpoint)
        ? { state: "ready" }
        : { state: "waiting", text: "no ready pod behind it yet" };
    await awaitSelection(slices, test, timed);
  }
  return live;
};

/** Waits until an object is gone; one of the same name with another uid counts as gone. @throws NotReadyError */
export const awaitGone = async (object: KubernetesObject, options: AwaitOptions): Promise<void> => {
  const seconds = options.timeout ?? DEFAULT_TIMEOUT;
  await awaitSelection(
    await selectionOf(object, options.discovery),
    ([item]) => {
      if (item === undefined || item.metadata.uid !== object.metadata.uid)
        return { state: "ready" };
      const why = conditionsOf(item).findLast(({ status }) => status === "True")?.message;
      return { state: "waiting", text: `terminating${why === undefined ? "" : `: ${why}`}` };
    },
    { ...options, seconds, namespace: object.metadata.namespace },
  );
};
