import type * as k8s from "@pulumi/kubernetes";
import type { Scale } from "../config/service.ts";

/**
 * More pods when the present ones use more than their share of the CPU that they request, fewer again after five quiet
 * minutes (Kubernetes' own default). It needs a metrics server; without one it keeps the smallest number.
 */
export const autoscalerSpec = (
  { minReplicas, maxReplicas, cpuUtilization }: Extract<Scale, { kind: "cpu" }>,
  { apiVersion, kind, metadata }: k8s.apps.v1.Deployment,
): k8s.types.input.autoscaling.v2.HorizontalPodAutoscalerSpec => ({
  scaleTargetRef: { apiVersion, kind, name: metadata.name },
  minReplicas,
  maxReplicas,
  metrics: [
    {
      type: "Resource",
      resource: {
        name: "cpu",
        target: { type: "Utilization", averageUtilization: cpuUtilization },
      },
    },
  ],
});
