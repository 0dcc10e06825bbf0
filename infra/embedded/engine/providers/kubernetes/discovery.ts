import { setTimeout as wait } from "node:timers/promises";
import { EngineError } from "../../engine-error.ts";
import { type ApiClient, ApiError } from "./client.ts";
import type { ObjectName } from "./types.ts";

type ApiResource = { readonly name: string; readonly kind: string; readonly namespaced: boolean };

/** How the API serves one kind. */
type Kind = {
  readonly namespaced: boolean;
  readonly collection: (namespace?: string) => string;
};

/** Finds out how kinds are served; remembers what it found. */
export type Discovery = {
  /** @returns undefined when the API server does not know the kind */
  readonly lookUp: (apiVersion: string, kind: string) => Promise<Kind | undefined>;
  /** The path of one object. Waits a while for a kind whose definition was only just applied. @throws EngineError */
  readonly pathOf: (object: ObjectName, signal?: AbortSignal) => Promise<string>;
};

const APPEAR_MS = 15_000;

/** Creates a discovery for one API server. */
export const createDiscovery = (client: ApiClient): Discovery => {
  const groups = new Map<string, Promise<readonly ApiResource[]>>();

  const resourcesOf = (apiVersion: string): Promise<readonly ApiResource[]> => {
    const root = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const known = groups.get(apiVersion);
    if (known !== undefined) return known;
    const asked = client.request({ method: "GET", path: root }).then(
      (answer) =>
        (answer as { readonly resources: readonly ApiResource[] }).resources.filter(
          ({ name }) => !name.includes("/"),
        ),
      (error: unknown) => {
        groups.delete(apiVersion);
        if (error instanceof ApiError && error.status === 404) return [];
        throw error;
      },
    );
    groups.set(apiVersion, asked);
    return asked;
  };

  const lookUp = async (apiVersion: string, kind: string): Promise<Kind | undefined> => {
    const resource = (await resourcesOf(apiVersion)).find((each) => each.kind === kind);
    if (resource === undefined) {
      groups.delete(apiVersion);
      return undefined;
    }
    const root = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    return {
      namespaced: resource.namespaced,
      collection: (namespace) =>
        namespace === undefined || !resource.namespaced
          ? `${root}/${resource.name}`
          : `${root}/namespaces/${namespace}/${resource.name}`,
    };
  };

  const pathOf = async (object: ObjectName, signal?: AbortSignal): Promise<string> => {
    const deadline = Date.now() + APPEAR_MS;
    for (;;) {
      const kind = await lookUp(object.apiVersion, object.kind);
      if (kind !== undefined)
        return `${kind.collection(object.namespace ?? "default")}/${object.name}`;
      if (Date.now() > deadline) {
        throw new EngineError(
          `the cluster knows no kind ${object.kind} in ${object.apiVersion}; apply its CustomResourceDefinition first (dependsOn).`,
        );
      }
      // Discovery has no watch: a definition is served a moment after it says Established.
      await wait(250, undefined, { ...(signal && { signal }) });
    }
  };

  return { lookUp, pathOf };
};
