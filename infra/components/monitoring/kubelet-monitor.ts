import type * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { labelsOf } from "../labels.ts";
import { CONTAINER_METRICS } from "./container-metrics.ts";
import { monitoringObject } from "./kinds.ts";

/** Scrapes the kubelets' figures of containers, from the Service that the operator keeps for them. */
export const kubeletMonitor = (
  namespace: pulumi.Input<string>,
  options: pulumi.CustomResourceOptions,
): k8s.apiextensions.CustomResource =>
  monitoringObject(
    "ServiceMonitor",
    "kubelet",
    {
      metadata: { name: "kubelet", namespace, labels: labelsOf("kubelet") },
      spec: {
        namespaceSelector: { matchNames: ["kube-system"] },
        selector: { matchLabels: { "k8s-app": "kubelet" } },
        jobLabel: "k8s-app",
        endpoints: [
          {
            port: "https-metrics",
            scheme: "https",
            path: "/metrics/cadvisor",
            interval: "15s",
            // Its labels name the pods, the target's the kubelet.
            honorLabels: true,
            honorTimestamps: false,
            bearerTokenFile: "/var/run/secrets/kubernetes.io/serviceaccount/token",
            // A kubelet signs its own certificate.
            tlsConfig: { insecureSkipVerify: true },
            metricRelabelings: [
              {
                sourceLabels: ["__name__"],
                regex: Object.values(CONTAINER_METRICS).join("|"),
                action: "keep",
              },
            ],
          },
        ],
      },
    },
    options,
  );
