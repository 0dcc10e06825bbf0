import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";

/** What a {@link clusterAccount} is made of. */
export type ClusterAccountArgs = {
  readonly metadata: {
    readonly name: string;
    readonly namespace: pulumi.Input<string>;
    readonly labels: Readonly<Record<string, string>>;
  };
  /** Name of the cluster role and of its binding. */
  readonly role: string;
  readonly rules: k8s.types.input.rbac.v1.PolicyRule[];
};

/** A service account that may do what the rules say in the whole cluster; `binding` is what its pods must wait for. */
export const clusterAccount = (
  name: string,
  { metadata, role, rules }: ClusterAccountArgs,
  options: pulumi.CustomResourceOptions,
): {
  readonly name: pulumi.Output<string>;
  readonly binding: k8s.rbac.v1.ClusterRoleBinding;
} => {
  const account = new k8s.core.v1.ServiceAccount(
    name,
    { metadata, automountServiceAccountToken: false },
    options,
  );
  const clusterWide = { name: role, labels: metadata.labels };
  const clusterRole = new k8s.rbac.v1.ClusterRole(name, { metadata: clusterWide, rules }, options);
  const binding = new k8s.rbac.v1.ClusterRoleBinding(
    name,
    {
      metadata: clusterWide,
      roleRef: {
        apiGroup: "rbac.authorization.k8s.io",
        kind: "ClusterRole",
        name: clusterRole.metadata.name,
      },
      subjects: [
        {
          kind: "ServiceAccount",
          name: account.metadata.name,
          namespace: metadata.namespace,
        },
      ],
    },
    options,
  );
  return { name: account.metadata.name, binding };
};
