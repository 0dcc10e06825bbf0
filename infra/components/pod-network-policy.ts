import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { labelsOf, selectorOf } from "./labels.ts";

type Rules = Pick<k8s.types.input.networking.v1.NetworkPolicySpec, "ingress" | "egress">;

/** What a {@link podNetworkPolicy} is about. */
export type PodNetworkPolicyArgs = Rules & {
  /** The part of the platform whose pods it is about: their name in their labels, and the policy's own. */
  readonly part: string;
  readonly namespace: pulumi.Input<string>;
};

/** The network policy of the pods of one part of the platform: what its rules do not allow neither comes in nor goes out. */
export const podNetworkPolicy = (
  name: string,
  { part, namespace, ...rules }: PodNetworkPolicyArgs,
  options: pulumi.CustomResourceOptions,
): k8s.networking.v1.NetworkPolicy =>
  new k8s.networking.v1.NetworkPolicy(
    name,
    {
      metadata: { name: part, namespace, labels: labelsOf(part) },
      spec: {
        podSelector: { matchLabels: selectorOf(part) },
        policyTypes: ["Ingress", "Egress"],
        ...rules,
      },
    },
    options,
  );
