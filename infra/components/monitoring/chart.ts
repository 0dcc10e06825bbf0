import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { labelsOf } from "../labels.ts";
import { PlatformNamespace } from "../namespace.ts";
import { CONTAINER_METRICS } from "./container-metrics.ts";
import { RETENTION, retentionSize } from "./retention.ts";

/** What a {@link MonitoringChart} is made of. */
export type MonitoringChartArgs = {
  readonly namespace: pulumi.Input<string>;
  readonly storageClass: string;
  /** Size of Prometheus' volume, whole gibibytes. */
  readonly storage: string;
};

const CHART = {
  chart: "kube-prometheus-stack",
  version: "88.5.3",
  repositoryOpts: { repo: "https://prometheus-community.github.io/helm-charts" },
};

const NODE_NAMESPACE = "monitoring-node";

const resources = (cpu: string, memory: string, limits: { cpu: string; memory: string }) => ({
  resources: { requests: { cpu, memory }, limits },
});

type ValuesArgs = {
  readonly adminSecret: pulumi.Input<string>;
  readonly nodeNamespace: pulumi.Input<string>;
  readonly storageClass: string;
  readonly storage: string;
};

/** The chart's values that differ from its defaults. */
const chartValues = ({ adminSecret, nodeNamespace, storageClass, storage }: ValuesArgs) => ({
  // The node's own programs listen on their loopback address on a local cluster: their targets would always be down.
  kubeControllerManager: { enabled: false },
  kubeEtcd: { enabled: false },
  kubeProxy: { enabled: false },
  kubeScheduler: { enabled: false },
  // This platform has rules of its own, with runbooks.
  defaultRules: { create: false },
  // Its webhook only checks rules, which promtool does already, and needs Helm hooks and a certificate for that.
  prometheusOperator: {
    admissionWebhooks: { enabled: false },
    tls: { enabled: false },
    ...resources("50m", "100Mi", { cpu: "500m", memory: "200Mi" }),
  },
  kubelet: {
    serviceMonitor: {
      cAdvisorMetricRelabelings: [
        {
          sourceLabels: ["__name__"],
          regex: Object.values(CONTAINER_METRICS).join("|"),
          action: "keep",
        },
      ],
    },
  },
  prometheus: {
    prometheusSpec: {
      // By default each would pick only what carries the release's label.
      serviceMonitorSelectorNilUsesHelmValues: false,
      podMonitorSelectorNilUsesHelmValues: false,
      probeSelectorNilUsesHelmValues: false,
      ruleSelectorNilUsesHelmValues: false,
      scrapeConfigSelectorNilUsesHelmValues: false,
      scrapeInterval: "15s",
      evaluationInterval: "15s",
      retention: RETENTION,
      retentionSize: retentionSize(storage),
      ...resources("100m", "400Mi", { cpu: "1", memory: "1Gi" }),
      storageSpec: {
        volumeClaimTemplate: {
          spec: { storageClassName: storageClass, resources: { requests: { storage } } },
        },
      },
    },
  },
  alertmanager: {
    alertmanagerSpec: resources("10m", "32Mi", { cpu: "200m", memory: "128Mi" }),
  },
  // It reads the node's file system and network: more than the restricted profile allows.
  "prometheus-node-exporter": {
    namespaceOverride: nodeNamespace,
    ...resources("10m", "32Mi", { cpu: "200m", memory: "64Mi" }),
  },
  "kube-state-metrics": resources("10m", "32Mi", { cpu: "200m", memory: "128Mi" }),
  grafana: {
    admin: { existingSecret: adminSecret, userKey: "user", passwordKey: "password" },
    // The platform's dashboards only; they are found by label in every namespace.
    defaultDashboardsEnabled: false,
    sidecar: {
      dashboards: {
        enabled: true,
        label: "grafana_dashboard",
        labelValue: "1",
        searchNamespace: "ALL",
      },
      datasources: { uid: "prometheus" },
      ...resources("10m", "64Mi", { cpu: "200m", memory: "128Mi" }),
    },
    ...resources("50m", "256Mi", { cpu: "500m", memory: "512Mi" }),
  },
});

/** kube-prometheus-stack, where its chart can be had: operator, Prometheus, Alertmanager, node-exporter, kube-state-metrics and Grafana. */
export class MonitoringChart extends pulumi.ComponentResource {
  constructor(name: string, args: MonitoringChartArgs, options?: pulumi.ComponentResourceOptions) {
    super("image-classification-platform:index:MonitoringChart", name, {}, options);
    const { namespace, storageClass, storage } = args;
    const parent = { parent: this };
    const nodes = new PlatformNamespace(
      `${name}-node`,
      { name: NODE_NAMESPACE, podSecurity: "privileged" },
      parent,
    );
    const nodePolicy = new k8s.networking.v1.NetworkPolicy(
      `${name}-node-exporter`,
      {
        metadata: {
          name: "node-exporter",
          namespace: nodes.metadataName,
          labels: labelsOf("node-exporter"),
        },
        spec: {
          podSelector: {},
          policyTypes: ["Ingress"],
          ingress: [
            {
              from: [
                {
                  namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } },
                },
              ],
              ports: [{ protocol: "TCP", port: 9100 }],
            },
          ],
        },
      },
      parent,
    );
    // Within the namespace anything may talk, and to the cluster: the chart's parts and their ports are its own matter.
    const policy = new k8s.networking.v1.NetworkPolicy(
      name,
      {
        metadata: {
          name: "kube-prometheus-stack",
          namespace,
          labels: labelsOf("kube-prometheus-stack"),
        },
        spec: {
          podSelector: {},
          policyTypes: ["Ingress", "Egress"],
          ingress: [{ from: [{ namespaceSelector: {} }] }],
          egress: [{}],
        },
      },
      parent,
    );
    const password = new random.RandomPassword(name, { length: 24, special: false }, parent);
    const admin = new k8s.core.v1.Secret(
      name,
      {
        metadata: { name: "grafana-admin", namespace, labels: labelsOf("grafana") },
        stringData: { user: "admin", password: password.result },
      },
      parent,
    );
    // Not helm.v4.Chart: that drops Helm's hooks, and would render the operator's definitions into the state.
    new k8s.helm.v3.Release(
      name,
      {
        ...CHART,
        name: "monitoring",
        namespace,
        timeout: 600,
        values: chartValues({
          adminSecret: admin.metadata.name,
          nodeNamespace: nodes.metadataName,
          storageClass,
          storage,
        }),
      },
      { ...parent, dependsOn: [policy, nodePolicy] },
    );
    this.registerOutputs({});
  }
}
