import type { Policies, ResourceValidationPolicy, StackValidationPolicy } from "@pulumi/policy";
import { type ClusterObject, clusterObject, type PodSpec, podSpecOf } from "./cluster-object.ts";
import type { Exemption } from "./exemptions.ts";
import type { PolicyName } from "./policy-names.ts";
import { vanishingHooks } from "./rules/hook-jobs.ts";
import { imagesWithoutDigest, latestImages } from "./rules/images.ts";
import { loadBalancers } from "./rules/load-balancers.ts";
import { namespacesWithoutPolicy } from "./rules/network-policies.ts";
import { missingProbes } from "./rules/probes.ts";
import { missingAmounts } from "./rules/requests-and-limits.ts";
import { restrictedPodSecurity } from "./rules/restricted-pod-security.ts";
import { whenKnown } from "./unknown-values.ts";

/** The kind of cluster that a stack is for: `cluster.kind` of its settings. */
export type Target = "embedded" | "minikube" | "existing";

type Rule = (object: ClusterObject) => readonly string[];

/** A rule of pods, asked of everything that makes pods. */
const ofPods =
  (rule: (pod: PodSpec) => readonly string[]): Rule =>
  (object) =>
    whenKnown(() => {
      const pod = podSpecOf(object);
      return pod === undefined ? [] : rule(pod);
    });

const namespaceOf = ({ kind, metadata }: ClusterObject): string | undefined =>
  kind === "Namespace" ? metadata.name : (metadata.namespace ?? "default");

const isExempt = (
  policy: PolicyName,
  object: ClusterObject,
  exemptions: readonly Exemption[],
): boolean =>
  exemptions.some(
    ({ policies, namespace, name }) =>
      policies.includes(policy) &&
      namespace === namespaceOf(object) &&
      (name === undefined || name === object.metadata.name),
  );

/**
 * The policies of a stack.
 *
 * @param target images are named by digest everywhere but on the embedded cluster, whose images are built where it runs;
 *   only local clusters lack a load balancer
 */
export const policiesFor = (target: Target, exemptions: readonly Exemption[]): Policies => {
  const perObject = (
    name: PolicyName,
    description: string,
    rule: Rule,
  ): ResourceValidationPolicy => ({
    name,
    description,
    validateResource: ({ type, props }, report) => {
      const object = clusterObject(type, props);
      if (object === undefined) return;
      const found = whenKnown(() => (isExempt(name, object, exemptions) ? [] : rule(object)));
      for (const problem of found) report(problem);
    },
  });

  const perNamespace: StackValidationPolicy = {
    name: "network-policy-in-namespace",
    description: "Declare a NetworkPolicy in each namespace: without one its pods may talk to all.",
    validateStack: ({ resources }, report) => {
      const objects = resources.flatMap(({ type, props, urn }) => {
        const object = clusterObject(type, props);
        return object === undefined ? [] : [{ object, urn }];
      });
      const bare = new Set(
        whenKnown(() => namespacesWithoutPolicy(objects.map(({ object }) => object))),
      );
      if (bare.size === 0) return;
      for (const { object, urn } of objects) {
        const { kind, metadata } = object;
        if (kind !== "Namespace" || !bare.has(metadata.name ?? "")) continue;
        if (isExempt("network-policy-in-namespace", object, exemptions)) continue;
        report(`the namespace "${metadata.name}" has no NetworkPolicy`, urn);
      }
    },
  };

  return [
    perObject(
      "restricted-pod-security",
      "Keep pods to Kubernetes' pod-security profile restricted; infra/components/restricted-pod.ts does.",
      ofPods(restrictedPodSecurity),
    ),
    ...(target === "embedded"
      ? []
      : [
          perObject(
            "image-by-digest",
            "Name images as name@sha256:…: what was tested is what runs.",
            ofPods((pod) => imagesWithoutDigest(pod, { contentTags: target === "minikube" })),
          ),
        ]),
    perObject(
      "no-latest-image",
      "Name the version of an image, and better its digest: latest is another one tomorrow.",
      ofPods(latestImages),
    ),
    perObject(
      "requests-and-limits",
      "Give each container requests and limits of CPU and memory.",
      ofPods(missingAmounts),
    ),
    perObject(
      "probes",
      "Give each container of a long-running workload a readiness and a liveness probe.",
      missingProbes,
    ),
    ...(target === "existing"
      ? []
      : [
          perObject(
            "no-load-balancer",
            "Use ClusterIP or NodePort: a local cluster gives no load balancer an address.",
            loadBalancers,
          ),
        ]),
    perObject(
      "hook-without-ttl",
      "Leave ttlSecondsAfterFinished out of a hook Job: hook-delete-policy BeforeHookCreation removes it.",
      vanishingHooks,
    ),
    perNamespace,
  ];
};
