import { setTimeout as wait } from "node:timers/promises";
import { type ApiClient, ApiError, type WatchEvent } from "./client.ts";
import type { KubernetesObject } from "./types.ts";

type List = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly resourceVersion: string };
  readonly items?: readonly KubernetesObject[];
};

/** What to follow: the objects of a collection that a selector chooses. */
export type Selection = {
  readonly collection: string;
  readonly query: Readonly<Record<string, string>>;
};

/** The selection of one object by its name. */
export const byName = (collection: string, name: string): Selection => ({
  collection,
  query: { fieldSelector: `metadata.name=${name}` },
});

const applyEvent = (items: Map<string, KubernetesObject>, event: WatchEvent): void => {
  const object = event.object as KubernetesObject;
  if (event.type === "DELETED") items.delete(object.metadata.name);
  else items.set(object.metadata.name, object);
};

/**
 * Follows objects by list and watch: yields them all at first, and again after every change, until the caller stops or the
 * signal aborts. Watches that the server ends are taken up again.
 */
export async function* follow(
  client: ApiClient,
  { collection, query }: Selection,
  signal: AbortSignal,
): AsyncGenerator<readonly KubernetesObject[]> {
  for (;;) {
    const list = (await client.request({ method: "GET", path: collection, query, signal })) as List;
    const { apiVersion, kind } = list;
    // The items of a list leave out what the list itself says.
    const type = { apiVersion, kind: kind.replace(/List$/, "") };
    const items = new Map(
      (list.items ?? []).map((item) => [item.metadata.name, { ...type, ...item }]),
    );
    yield [...items.values()];
    const since = { ...query, resourceVersion: list.metadata.resourceVersion };
    try {
      for await (const event of client.watch({ path: collection, query: since, signal })) {
        if (event.type === "ERROR") break;
        if (event.type === "BOOKMARK") continue;
        applyEvent(items, event);
        yield [...items.values()];
      }
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ApiError && error.status < 500 && error.status !== 410) throw error;
    }
    // A server that ends watches at once must not be asked in a tight loop.
    await wait(200, undefined, { signal });
  }
}
