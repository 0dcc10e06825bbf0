import type * as k8s from "@pulumi/kubernetes";

/** Egress rule: the cluster's DNS. */
export const toClusterDns: k8s.types.input.networking.v1.NetworkPolicyEgressRule = {
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

/** Egress rule: HTTPS to anywhere. */
export const toHttps: k8s.types.input.networking.v1.NetworkPolicyEgressRule = {
  ports: [{ protocol: "TCP", port: 443 }],
};

/** Egress rule: the cluster's API server, at the ports that it has behind its Service on kubeadm's and Minikube's nodes. */
export const toApiServer: k8s.types.input.networking.v1.NetworkPolicyEgressRule = {
  ports: [443, 6443, 8443].map((port) => ({ protocol: "TCP", port })),
};
