/** The names of the policies. */
export type PolicyName =
  | "restricted-pod-security"
  | "image-by-digest"
  | "no-latest-image"
  | "requests-and-limits"
  | "probes"
  | "no-load-balancer"
  | "network-policy-in-namespace"
  | "hook-without-ttl";
