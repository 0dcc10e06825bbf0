import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";

type ObjectArgs = {
  readonly metadata: k8s.types.input.meta.v1.ObjectMeta;
  readonly spec: pulumi.Inputs;
};

const GROUP = "monitoring.coreos.com/v1";

/** An object of one of prometheus-operator's kinds. Its definition must be in the cluster before (dependsOn). */
export const monitoringObject = (
  kind: "Alertmanager" | "Prometheus" | "PrometheusRule" | "ServiceMonitor",
  name: string,
  args: ObjectArgs,
  options: pulumi.CustomResourceOptions,
): k8s.apiextensions.CustomResource =>
  new k8s.apiextensions.CustomResource(name, { apiVersion: GROUP, kind, ...args }, options);

/** The annotation that makes both engines wait until the operator says that its object works. */
export const untilAvailable = { "pulumi.com/waitFor": "condition=Available" };
