import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { labelsOf, selectorOf } from "../labels.ts";
import { toApiServer, toClusterDns } from "../network-rules.ts";
import { UpstreamImage } from "../upstream-image.ts";
import { monitoringObject, untilAvailable } from "./kinds.ts";
import { RETENTION, retentionSize } from "./retention.ts";

/** What a {@link Prometheus} is made of. */
export type PrometheusArgs = {
  readonly namespace: pulumi.Input<string>;
  readonly storageClass: string;
  /** Size of its volume, whole gibibytes. */
  readonly storage: string;
};

const NAME = "prometheus";
const PORT = 9090;

/** Prometheus itself: it scrapes what any ServiceMonitor of the cluster names and evaluates every PrometheusRule. */
export class Prometheus extends pulumi.ComponentResource {
  constructor(name: string, args: PrometheusArgs, options?: pulumi.ComponentResourceOptions) {
    super("image-classification-platform:index:Prometheus", name, {}, options);
    const { namespace, storageClass, storage } = args;
    const parent = { parent: this };
    const labels = labelsOf(NAME);
    const metadata = { name: NAME, namespace, labels };
    const image = new UpstreamImage(name, { image: "prometheus" }, parent);

    const account = new k8s.core.v1.ServiceAccount(
      name,
      { metadata, automountServiceAccountToken: false },
      parent,
    );
    const role = new k8s.rbac.v1.ClusterRole(
      name,
      {
        metadata: { name: `platform-${NAME}`, labels },
        rules: [
          {
            apiGroups: [""],
            resources: ["nodes", "nodes/metrics", "services", "endpoints", "pods"],
            verbs: ["get", "list", "watch"],
          },
          {
            apiGroups: ["discovery.k8s.io"],
            resources: ["endpointslices"],
            verbs: ["get", "list", "watch"],
          },
          { nonResourceURLs: ["/metrics", "/metrics/cadvisor"], verbs: ["get"] },
        ],
      },
      parent,
    );
    const binding = new k8s.rbac.v1.ClusterRoleBinding(
      name,
      {
        metadata: { name: `platform-${NAME}`, labels },
        roleRef: {
          apiGroup: "rbac.authorization.k8s.io",
          kind: "ClusterRole",
          name: role.metadata.name,
        },
        subjects: [{ kind: "ServiceAccount", name: account.metadata.name, namespace }],
      },
      parent,
    );
    const policy = new k8s.networking.v1.NetworkPolicy(
      name,
      {
        metadata,
        spec: {
          podSelector: { matchLabels: selectorOf(NAME) },
          policyTypes: ["Ingress", "Egress"],
          // The service's /status page asks it; what it scrapes may be in any namespace.
          ingress: [
            { from: [{ namespaceSelector: {} }], ports: [{ protocol: "TCP", port: PORT }] },
          ],
          egress: [
            toClusterDns,
            toApiServer,
            { ports: [8080, 9090, 9093, 9100, 10_250].map((port) => ({ protocol: "TCP", port })) },
          ],
        },
      },
      parent,
    );

    monitoringObject(
      "Prometheus",
      name,
      {
        metadata: { ...metadata, annotations: untilAvailable },
        spec: {
          image: image.reference,
          version: image.tag,
          replicas: 1,
          retention: RETENTION,
          retentionSize: retentionSize(storage),
          scrapeInterval: "15s",
          evaluationInterval: "15s",
          podMetadata: { labels },
          serviceAccountName: account.metadata.name,
          serviceDiscoveryRole: "EndpointSlice",
          // Empty selectors pick everything; absent ones would pick nothing.
          serviceMonitorSelector: {},
          serviceMonitorNamespaceSelector: {},
          ruleSelector: {},
          ruleNamespaceSelector: {},
          alerting: { alertmanagers: [{ namespace, name: "alertmanager-operated", port: "web" }] },
          resources: {
            requests: { cpu: "50m", memory: "200Mi" },
            limits: { cpu: "1", memory: "1Gi" },
          },
          securityContext: restrictedSecurity,
          storage: {
            volumeClaimTemplate: {
              spec: {
                storageClassName: storageClass,
                resources: { requests: { storage } },
              },
            },
          },
        },
      },
      { ...parent, dependsOn: [binding, policy], customTimeouts: { create: "5m", update: "5m" } },
    );
    this.registerOutputs({});
  }
}

/** What the restricted profile asks of a pod; the operator adds the containers' part. */
export const restrictedSecurity = {
  runAsNonRoot: true,
  runAsUser: 1000,
  runAsGroup: 1000,
  fsGroup: 1000,
  seccompProfile: { type: "RuntimeDefault" },
};
