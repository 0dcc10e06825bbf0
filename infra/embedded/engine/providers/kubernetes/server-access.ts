import { setTimeout as wait } from "node:timers/promises";
import type { PropertyMap } from "../../property-values.ts";
import type { ResourceContext } from "../provider.ts";
import { type ApiClient, ApiError, createApiClient } from "./client.ts";
import { createDiscovery, type Discovery } from "./discovery.ts";
import { loadKubeConfig } from "./kubeconfig.ts";
import { nameIn, toObject } from "./objects.ts";
import type { KubernetesObject, ObjectName } from "./types.ts";

type Connection = { readonly client: ApiClient; readonly discovery: Discovery };

/** What the provider asks of API servers. Each cluster that a provider's inputs name is connected to once. */
export type ServerAccess = {
  readonly connect: (providerInputs: PropertyMap) => Promise<Connection>;
  /** Server-side apply, as the field manager of this name; a dry run changes nothing. */
  readonly apply: (
    inputs: PropertyMap,
    manager: string,
    context: ResourceContext,
    dryRun?: boolean,
  ) => Promise<KubernetesObject>;
  /** The object as it is now; undefined when it, or its kind, is not there. */
  readonly readLive: (
    name: ObjectName,
    context: ResourceContext,
  ) => Promise<KubernetesObject | undefined>;
  /** The uid of the cluster's kube-system namespace. @throws UnreachableError, EngineError */
  readonly identify: (
    providerInputs: PropertyMap,
    context: Pick<ResourceContext, "signal">,
  ) => Promise<string>;
};

/** Access with no connection yet. */
export const createServerAccess = (): ServerAccess => {
  const connections = new Map<string, Promise<Connection>>();

  const connect: ServerAccess["connect"] = (providerInputs) => {
    const key = JSON.stringify(providerInputs);
    const known = connections.get(key);
    if (known !== undefined) return known;
    const opened = loadKubeConfig(providerInputs).then((config) => {
      const client = createApiClient(config);
      return { client, discovery: createDiscovery(client) };
    });
    connections.set(key, opened);
    // A kubeconfig that is not there yet may be there later: a failure is not remembered.
    opened.catch(() => connections.delete(key));
    return opened;
  };

  const apply: ServerAccess["apply"] = async (inputs, manager, context, dryRun = false) => {
    const { client, discovery } = await connect(context.providerInputs);
    const path = await discovery.pathOf(nameIn(inputs, context.providerInputs), context.signal);
    return (await client.request({
      method: "PATCH",
      path,
      query: { fieldManager: manager, force: "true", ...(dryRun && { dryRun: "All" }) },
      body: toObject(inputs),
      contentType: "application/apply-patch+yaml",
      onWarning: context.warn,
    })) as KubernetesObject;
  };

  const readLive: ServerAccess["readLive"] = async (name, context) => {
    const { client, discovery } = await connect(context.providerInputs);
    if ((await discovery.lookUp(name.apiVersion, name.kind)) === undefined) return undefined;
    const path = await discovery.pathOf(name);
    try {
      return (await client.request({
        method: "GET",
        path,
        signal: context.signal,
      })) as KubernetesObject;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  };

  const identify: ServerAccess["identify"] = async (providerInputs, { signal }) => {
    const { client } = await connect(providerInputs);
    // A server that has just started makes its own namespaces a moment later.
    for (let attempt = 1; ; attempt += 1) {
      try {
        const path = "/api/v1/namespaces/kube-system";
        const found = (await client.request({ method: "GET", path, signal })) as KubernetesObject;
        return found.metadata.uid ?? "";
      } catch (error) {
        const early = error instanceof ApiError && error.status === 404;
        if (!early || attempt >= 60) throw error;
        await wait(500, undefined, { signal });
      }
    }
  };

  return { connect, apply, readLive, identify };
};
