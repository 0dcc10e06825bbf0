import type { ClusterObject } from "../cluster-object.ts";

/** Namespaces among the objects that no NetworkPolicy among them is in, by name. A name that is not known yet has none. */
export const namespacesWithoutPolicy = (objects: readonly ClusterObject[]): readonly string[] => {
  const guarded = new Set(
    objects
      .filter(({ kind, group }) => kind === "NetworkPolicy" && group === "networking.k8s.io")
      .map(({ metadata }) => metadata.namespace),
  );
  return objects
    .filter(({ kind, group }) => kind === "Namespace" && group === "core")
    .flatMap(({ metadata }) => metadata.name ?? [])
    .filter((name) => !guarded.has(name));
};
