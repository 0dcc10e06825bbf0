import * as pulumi from "@pulumi/pulumi";
import { labelsOf } from "../labels.ts";
import { toApiServer, toClusterDns } from "../network-rules.ts";
import { podNetworkPolicy } from "../pod-network-policy.ts";
import { UpstreamImage } from "../upstream-image.ts";
import { clusterAccount } from "./cluster-account.ts";
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

    const account = clusterAccount(
      name,
      {
        metadata,
        role: `platform-${NAME}`,
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
    const policy = podNetworkPolicy(
      name,
      {
        part: NAME,
        namespace,
        // The service's /status page asks it; what it scrapes may be in any namespace.
        ingress: [{ from: [{ namespaceSelector: {} }], ports: [{ protocol: "TCP", port: PORT }] }],
        egress: [
          toClusterDns,
          toApiServer,
          {
            ports: [8080, 8082, 9090, 9093, 9100, 10_250].map((port) => ({
              protocol: "TCP",
              port,
            })),
          },
        ],
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
          serviceAccountName: account.name,
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
      {
        ...parent,
        dependsOn: [account.binding, policy],
        customTimeouts: { create: "5m", update: "5m" },
      },
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
