import type * as k8s from "@pulumi/kubernetes";

type Egress = k8s.types.input.networking.v1.NetworkPolicyEgressRule;
type Ingress = k8s.types.input.networking.v1.NetworkPolicyIngressRule;
type Labels = Readonly<Record<string, string>>;

/** Egress rule: the cluster's DNS. */
export const toClusterDns: Egress = {
  to: [
    {
      namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "kube-system" } },
      podSelector: { matchLabels: { "k8s-app": "kube-dns" } },
    },
  ],
  ports: [
    { protocol: "UDP", port: 53 },
    { protocol: "TCP", port: 53 },
  ],
};

/** Egress rule: a port of anywhere. */
export const toAnywhere = (port: number): Egress => ({ ports: [{ protocol: "TCP", port }] });

/** Egress rule: HTTPS to anywhere. */
export const toHttps = toAnywhere(443);

/** Egress rule: the cluster's API server, at the ports that it has behind its Service on kubeadm's and Minikube's nodes. */
export const toApiServer: Egress = {
  ports: [443, 6443, 8443].map((port) => ({ protocol: "TCP", port })),
};

/** Egress rule: a port of the pods of this namespace that the labels pick. */
export const toPortOf = (matchLabels: Labels, port: string | number): Egress => ({
  to: [{ podSelector: { matchLabels } }],
  ports: [{ protocol: "TCP", port }],
});

/** Egress rule: the HTTP port of the pods of this namespace that the labels pick. */
export const toHttpOf = (matchLabels: Labels): Egress => toPortOf(matchLabels, "http");

/** Ingress rule: one port, for the pods of this namespace that any of the labels pick. */
export const fromPods = (clients: readonly Labels[], port: number): Ingress => ({
  from: clients.map((matchLabels) => ({ podSelector: { matchLabels } })),
  ports: [{ protocol: "TCP", port }],
});
