import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Settings } from "../../config/settings.ts";
import type { Cluster } from "../cluster.ts";
import { labelsOf } from "../labels.ts";
import { PlatformNamespace } from "../namespace.ts";
import { Alertmanager } from "./alertmanager.ts";
import { MonitoringChart } from "./chart.ts";
import { grafanaDashboard } from "./dashboards/grafana.ts";
import { dashboardRows } from "./dashboards/rows.ts";
import { statusPanels } from "./dashboards/status-panels.ts";
import { kubeletMonitor } from "./kubelet-monitor.ts";
import { NodeExporter } from "./node-exporter.ts";
import { Operator } from "./operator.ts";
import { Prometheus } from "./prometheus.ts";
import type { Target } from "./target.ts";

/** What a {@link Monitoring} is made of. */
export type MonitoringArgs = {
  readonly cluster: Cluster;
  readonly storageClass: string;
  readonly settings: Settings["monitoring"];
  /** What the dashboards show. */
  readonly target: Target;
  /** Name of the Argo CD Application that deploys the service, where one does. */
  readonly application?: string;
  /** Namespace of the inference service, whose /status page draws the dashboards' panels. */
  readonly serviceNamespace: pulumi.Input<string>;
};

const NAME = "monitoring";
const PANELS = "status-panels";

const prometheusUrl = (namespace: pulumi.Input<string>): pulumi.Output<string> =>
  // The Service that the operator keeps.
  pulumi.interpolate`http://prometheus-operated.${namespace}.svc:9090`;

/** What the service needs to know of the stack, by name: for what is written without it, as Argo CD's files are. */
export const MONITORING = {
  namespace: NAME,
  prometheusUrl: prometheusUrl(NAME),
  statusPanels: PANELS,
} as const;

/** Prometheus and Alertmanager under prometheus-operator, in a namespace of their own: from the chart, or from packages in its place. */
export class Monitoring extends pulumi.ComponentResource {
  /** Namespace of the stack. */
  readonly namespace: pulumi.Output<string>;
  /** Where pods of the cluster reach Prometheus. */
  readonly prometheusUrl: pulumi.Output<string>;
  /** ConfigMap with the panels of the /status page, key `panels.json`. */
  readonly statusPanels: pulumi.Output<string>;

  constructor(name: string, args: MonitoringArgs, options?: pulumi.ComponentResourceOptions) {
    super("image-classification-platform:index:Monitoring", name, {}, options);
    const { cluster, storageClass, settings, target, application, serviceNamespace } = args;
    const parent = { parent: this };
    const home = new PlatformNamespace(name, { name: NAME }, parent);
    const namespace = home.metadataName;
    this.namespace = namespace;
    this.prometheusUrl = prometheusUrl(namespace);

    const { storage } = settings;
    if (cluster.traits.upstream === "charts") {
      new MonitoringChart("monitoring-chart", { namespace, storageClass, storage }, parent);
    } else {
      const operator = new Operator(
        "monitoring-operator",
        { namespace, namespaceUid: home.uid, kubeconfig: cluster.kubeconfig },
        parent,
      );
      const afterOperator = { ...parent, dependsOn: operator };
      new Alertmanager("alertmanager", { namespace }, afterOperator);
      new Prometheus("prometheus", { namespace, storageClass, storage }, afterOperator);
      new NodeExporter("node-exporter", { namespace }, afterOperator);
      kubeletMonitor(namespace, afterOperator);
    }
    const rows = dashboardRows(target, application);
    new k8s.core.v1.ConfigMap(
      "dashboard",
      {
        metadata: {
          name: "platform-dashboard",
          namespace,
          // Grafana's sidecar looks for this label.
          labels: { ...labelsOf("dashboard"), grafana_dashboard: "1" },
        },
        data: {
          "platform.json": grafanaDashboard("platform", "Image classification platform", rows),
        },
      },
      parent,
    );
    const panels = new k8s.core.v1.ConfigMap(
      PANELS,
      {
        metadata: {
          name: PANELS,
          namespace: serviceNamespace,
          labels: labelsOf(PANELS),
        },
        data: { "panels.json": statusPanels(rows) },
      },
      parent,
    );
    this.statusPanels = panels.metadata.name;
    this.registerOutputs({ namespace, prometheusUrl: this.prometheusUrl });
  }
}
