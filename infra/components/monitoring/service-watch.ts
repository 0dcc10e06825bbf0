import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { ServiceAddress } from "../inference-service.ts";
import { labelsOf } from "../labels.ts";
import { platformRules } from "./alerts.ts";
import { monitoringObject } from "./kinds.ts";
import type { Target } from "./target.ts";

/** What a {@link ServiceWatch} is made of. */
export type ServiceWatchArgs = {
  readonly namespace: pulumi.Input<string>;
  readonly service: ServiceAddress;
  readonly target: Target;
  /** What links to runbooks start with. */
  readonly runbooks: string;
};

const NAME = "api-metrics";

/**
 * Makes Prometheus scrape the inference service and evaluate the platform's rules. The metrics have a Service of their own, for the one that people use may
 * be a node port, and every port of such a one is opened on the node.
 */
export class ServiceWatch extends pulumi.ComponentResource {
  constructor(name: string, args: ServiceWatchArgs, options?: pulumi.ComponentResourceOptions) {
    super("image-classification-platform:index:ServiceWatch", name, {}, options);
    const { namespace, service, target, runbooks } = args;
    const parent = { parent: this };
    const metadata = { name: NAME, namespace, labels: labelsOf(NAME) };
    new k8s.core.v1.Service(
      name,
      {
        metadata,
        spec: {
          clusterIP: "None",
          selector: service.selector,
          // Pods that are not ready have figures too, and those are the interesting ones.
          publishNotReadyAddresses: true,
          ports: [{ name: "metrics", port: 9090, targetPort: "metrics" }],
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
              relabelings: [{ targetLabel: "job", replacement: target.job, action: "replace" }],
            },
          ],
        },
      },
      parent,
    );
    monitoringObject(
      "PrometheusRule",
      name,
      {
        metadata: { name: "platform", namespace, labels: labelsOf(NAME) },
        spec: { groups: platformRules(target, runbooks) },
      },
      parent,
    );
    this.registerOutputs({});
  }
}
