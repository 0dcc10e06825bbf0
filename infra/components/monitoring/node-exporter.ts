import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { labelsOf, selectorOf } from "../labels.ts";
import { fromPods } from "../network-rules.ts";
import { podNetworkPolicy } from "../pod-network-policy.ts";
import { restrictedPodSpec } from "../restricted-pod.ts";
import { UpstreamImage } from "../upstream-image.ts";
import { monitoringObject } from "./kinds.ts";

/** What a {@link NodeExporter} is made of. */
export type NodeExporterArgs = { readonly namespace: pulumi.Input<string> };

const NAME = "node-exporter";
const PORT = 9100;

/** What a restricted pod sees of its node: these files of /proc are the same in every container. Network and file systems are the pod's own, so they stay off. */
const COLLECTORS = ["cpu", "diskstats", "loadavg", "meminfo", "stat", "vmstat"];

const RESOURCES = {
  requests: { cpu: "10m", memory: "16Mi" },
  limits: { cpu: "200m", memory: "64Mi" },
};

/** node-exporter under the restricted profile, on every node: CPU, memory, load and disk activity of the node. */
export class NodeExporter extends pulumi.ComponentResource {
  constructor(name: string, args: NodeExporterArgs, options?: pulumi.ComponentResourceOptions) {
    super("image-classification-platform:index:NodeExporter", name, {}, options);
    const { namespace } = args;
    const parent = { parent: this };
    const labels = labelsOf(NAME);
    const metadata = { name: NAME, namespace, labels };
    const selector = { matchLabels: selectorOf(NAME) };
    const image = new UpstreamImage(name, { image: "node-exporter" }, parent);
    const policy = podNetworkPolicy(
      name,
      { part: NAME, namespace, ingress: [fromPods([selectorOf("prometheus")], PORT)] },
      parent,
    );
    const probe = { httpGet: { path: "/", port: "metrics" }, timeoutSeconds: 2 };
    const pods = new k8s.apps.v1.DaemonSet(
      name,
      {
        metadata,
        spec: {
          selector,
          template: {
            metadata: { labels },
            spec: restrictedPodSpec({
              pod: {},
              container: {
                name: NAME,
                image: image.reference,
                args: [
                  "--collector.disable-defaults",
                  ...COLLECTORS.map((collector) => `--collector.${collector}`),
                ],
                ports: [{ name: "metrics", containerPort: PORT }],
                readinessProbe: { ...probe, periodSeconds: 5 },
                livenessProbe: { ...probe, periodSeconds: 15 },
                resources: RESOURCES,
              },
              mounts: [],
            }),
          },
        },
      },
      { ...parent, dependsOn: policy },
    );
    new k8s.core.v1.Service(
      name,
      {
        metadata,
        spec: {
          clusterIP: "None",
          selector: selectorOf(NAME),
          ports: [{ name: "metrics", port: PORT, targetPort: "metrics" }],
        },
      },
      { ...parent, dependsOn: pods },
    );
    monitoringObject(
      "ServiceMonitor",
      name,
      {
        metadata,
        spec: {
          selector,
          jobLabel: "app.kubernetes.io/name",
          endpoints: [{ port: "metrics", interval: "15s" }],
        },
      },
      parent,
    );
    this.registerOutputs({});
  }
}
