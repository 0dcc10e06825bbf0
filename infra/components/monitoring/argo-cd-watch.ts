import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { labelsOf } from "../labels.ts";
import { ARGO_CD_METRICS } from "./argo-cd-metrics.ts";
import { monitoringObject } from "./kinds.ts";

/** What an {@link ArgoCdWatch} is made of. */
export type ArgoCdWatchArgs = {
  /** Namespace of Argo CD. */
  readonly namespace: pulumi.Input<string>;
};

const NAME = "argo-cd-metrics";
const PORT = 8082;

/**
 * Makes Prometheus scrape Argo CD's application controller. With a Service of its own, for that of the manifests and that of
 * the chart have different names; the pods have the same labels.
 */
export class ArgoCdWatch extends pulumi.ComponentResource {
  constructor(name: string, args: ArgoCdWatchArgs, options?: pulumi.ComponentResourceOptions) {
    super("image-classification-platform:index:ArgoCdWatch", name, {}, options);
    const parent = { parent: this };
    const metadata = { name: NAME, namespace: args.namespace, labels: labelsOf(NAME) };
    new k8s.core.v1.Service(
      name,
      {
        metadata,
        spec: {
          clusterIP: "None",
          selector: { "app.kubernetes.io/name": "argocd-application-controller" },
          ports: [{ name: "metrics", port: PORT, targetPort: PORT }],
        },
      },
      parent,
    );
    monitoringObject(
      "ServiceMonitor",
      name,
      {
        metadata,
        spec: {
          selector: { matchLabels: { "app.kubernetes.io/name": NAME } },
          endpoints: [
            {
              port: "metrics",
              interval: "15s",
              relabelings: [{ targetLabel: "job", replacement: "argo-cd", action: "replace" }],
              metricRelabelings: [
                {
                  sourceLabels: ["__name__"],
                  regex: Object.values(ARGO_CD_METRICS).join("|"),
                  action: "keep",
                },
              ],
            },
          ],
        },
      },
      parent,
    );
    this.registerOutputs({});
  }
}
