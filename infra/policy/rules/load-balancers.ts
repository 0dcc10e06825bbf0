import type { ClusterObject } from "../cluster-object.ts";
import { whenKnown } from "../unknown-values.ts";

/** A Service of type LoadBalancer: on a local cluster nothing gives it an address, so it would never become ready. */
export const loadBalancers = ({ kind, group, spec }: ClusterObject): readonly string[] =>
  whenKnown(() =>
    kind === "Service" &&
    group === "core" &&
    (spec as { readonly type?: string } | undefined)?.type === "LoadBalancer"
      ? ["the Service is of type LoadBalancer"]
      : [],
  );
