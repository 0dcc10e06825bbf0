import { createHash } from "node:crypto";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Resources } from "../config/fields.ts";
import type { Scale } from "../config/service.ts";
import { autoscalerSpec } from "./autoscaler.ts";
import type { ClusterTraits } from "./cluster.ts";
import { labelsOf, selectorOf } from "./labels.ts";
import type { ModelStore } from "./model-store.ts";
import { toClusterDns, toPortOf } from "./network-rules.ts";
import { placementOf } from "./placement.ts";
import { podNetworkPolicy } from "./pod-network-policy.ts";
import { type Mount, modelStoreMount, restrictedPodSpec } from "./restricted-pod.ts";
import { podNeeds, type ServiceFeatures } from "./service-features.ts";

/** What an {@link InferenceService} is made of. */
export type InferenceServiceArgs = {
  readonly namespace: pulumi.Input<string>;
  /** Reference of the service's image. */
  readonly image: pulumi.Input<string>;
  readonly modelStore: Pick<ModelStore, "claim" | "shared">;
  readonly exposure: ClusterTraits["exposure"];
  readonly scale: Scale;
  /** Port of the Service, and of the node where the exposure is `nodePort`. */
  readonly port: number;
  readonly resources: Resources;
  readonly features: ServiceFeatures;
  /** Where its /status page gets figures, and the ConfigMap that says which. @default none: the page says so */
  readonly monitoring?: {
    readonly namespace: pulumi.Input<string>;
    readonly prometheusUrl: pulumi.Input<string>;
    readonly statusPanels: pulumi.Input<string>;
  };
  /** The Redis that keeps batches: its Secret, and how its pods are reached. @default none: they are in the pods' memory */
  readonly batchQueue?: {
    readonly secret: pulumi.Input<string>;
    readonly selector: Readonly<Record<string, string>>;
    readonly port: number;
  };
  /**
   * Seconds after which a roll-out that makes no progress has failed.
   *
   * @default 180
   */
  readonly progressDeadline?: number;
};

const NAME = "api";

/** Ports that the service's image listens on. */
const HTTP = 8080;
const METRICS = 9090;

/** Seconds of the service's own drain: still answering while addresses are taken out of tables, then finishing. */
const DRAIN_DELAY = 5;
const DRAIN_TIMEOUT = 20;

/** The service that answers predictions with the model that the store offers. */
export class InferenceService extends pulumi.ComponentResource {
  /** Where people of this machine reach it. */
  readonly url: string;
  /** Where pods of the cluster reach it. */
  readonly clusterUrl: pulumi.Output<string>;
  /** SHA-256 of the pods' spec: another one means that other pods answer. */
  readonly fingerprint: pulumi.Output<string>;
  /** Labels that pick its pods. */
  readonly selector = selectorOf(NAME);

  constructor(name: string, args: InferenceServiceArgs, options?: pulumi.ComponentResourceOptions) {
    super("image-classification-platform:index:InferenceService", name, {}, options);
    const { namespace, exposure, scale, port, progressDeadline = 180 } = args;
    const metadata = { name: NAME, namespace, labels: labelsOf(NAME) };
    const selector = { matchLabels: this.selector };
    const parent = { parent: this };

    const account = new k8s.core.v1.ServiceAccount(
      name,
      { metadata, automountServiceAccountToken: false },
      parent,
    );
    const policy = podNetworkPolicy(
      name,
      {
        part: NAME,
        namespace,
        // Predictions for anyone, metrics for pods of this cluster; it calls nobody but what its settings name.
        ingress: [
          { ports: [{ protocol: "TCP", port: HTTP }] },
          { from: [{ namespaceSelector: {} }], ports: [{ protocol: "TCP", port: METRICS }] },
        ],
        ...egressOf(args),
      },
      parent,
    );
    new k8s.policy.v1.PodDisruptionBudget(
      name,
      // Not minAvailable 1: with one replica that would block every drain of its node.
      { metadata, spec: { maxUnavailable: 1, selector } },
      parent,
    );

    const podSpec = servicePod(args, account.metadata.name);
    const deployment = new k8s.apps.v1.Deployment(
      name,
      {
        metadata,
        spec: {
          // An autoscaler's number is its own: declared here too, each update would put it back.
          ...(scale.kind === "fixed" && { replicas: scale.replicas }),
          revisionHistoryLimit: 3,
          progressDeadlineSeconds: progressDeadline,
          selector,
          strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
          template: { metadata: { labels: labelsOf(NAME) }, spec: podSpec },
        },
      },
      { ...parent, dependsOn: policy, customTimeouts: { create: "5m", update: "5m" } },
    );
    if (scale.kind === "cpu") {
      const spec = autoscalerSpec(scale, deployment);
      new k8s.autoscaling.v2.HorizontalPodAutoscaler(name, { metadata, spec }, parent);
    }
    const service = new k8s.core.v1.Service(
      name,
      {
        metadata,
        spec: {
          type: exposure === "nodePort" ? "NodePort" : "ClusterIP",
          selector: this.selector,
          ports: [
            {
              name: "http",
              port,
              targetPort: "http",
              ...(exposure === "nodePort" && { nodePort: port }),
            },
          ],
        },
      },
      { ...parent, dependsOn: deployment },
    );

    this.url = serviceUrl(port);
    this.clusterUrl = pulumi.interpolate`http://${service.metadata.name}.${namespace}.svc:${port}`;
    this.fingerprint = pulumi
      .jsonStringify(podSpec)
      .apply((json) => createHash("sha256").update(json).digest("hex"));
    this.registerOutputs({
      url: this.url,
      clusterUrl: this.clusterUrl,
      fingerprint: this.fingerprint,
    });
  }
}

/** Labels that pick the service's pods, whoever deploys them. */
export const SERVICE_SELECTOR = selectorOf(NAME);

/** What others of the program need to know of the service, whoever deploys it. */
export type ServiceAddress = Pick<InferenceService, "clusterUrl" | "selector">;

/** The address of a service that Argo CD deploys. */
export const addressOf = (namespace: pulumi.Input<string>, port: number): ServiceAddress => ({
  clusterUrl: pulumi.interpolate`http://${NAME}.${namespace}.svc:${port}`,
  selector: selectorOf(NAME),
});

/** Where people of this machine reach the service. */
export const serviceUrl = (port: number): string => `http://127.0.0.1:${port}`;

const servicePod = (
  { image, modelStore, resources, features, monitoring, batchQueue }: InferenceServiceArgs,
  serviceAccountName: pulumi.Input<string>,
) => {
  const { env, mounts } = podNeeds(features);
  return restrictedPodSpec({
    pod: {
      serviceAccountName,
      terminationGracePeriodSeconds: DRAIN_DELAY + DRAIN_TIMEOUT + 10,
      ...placementOf(modelStore, selectorOf(NAME)),
    },
    container: {
      name: NAME,
      image,
      env: [
        { name: "MODEL_DIR", value: "/models" },
        { name: "HOST", value: "0.0.0.0" },
        { name: "PORT", value: String(HTTP) },
        { name: "METRICS_PORT", value: String(METRICS) },
        { name: "DRAIN_DELAY", value: String(DRAIN_DELAY) },
        { name: "DRAIN_TIMEOUT", value: String(DRAIN_TIMEOUT) },
        ...(monitoring
          ? [
              { name: "PROMETHEUS_URL", value: monitoring.prometheusUrl },
              { name: "STATUS_PANELS", value: "/status-panels/panels.json" },
            ]
          : []),
        ...(batchQueue
          ? [
              {
                name: "REDIS_URL",
                valueFrom: { secretKeyRef: { name: batchQueue.secret, key: "url" } },
              },
            ]
          : []),
        ...env,
      ],
      ports: [
        { name: "http", containerPort: HTTP },
        { name: "metrics", containerPort: METRICS },
      ],
      // Started is not ready: a pod that waits for its first model must not be killed for it.
      startupProbe: probe("/livez", { periodSeconds: 1, failureThreshold: 60 }),
      readinessProbe: probe("/readyz", { periodSeconds: 2, failureThreshold: 2 }),
      livenessProbe: probe("/livez", { periodSeconds: 10, failureThreshold: 3 }),
      resources,
    },
    mounts: [
      modelStoreMount(modelStore.claim, "read"),
      ...(monitoring ? [statusPanelsMount(monitoring.statusPanels)] : []),
      ...mounts,
    ],
  });
};

const statusPanelsMount = (name: pulumi.Input<string>): Mount => ({
  path: "/status-panels",
  readOnly: true,
  volume: { name: "status-panels", configMap: { name } },
});

/** Whom its pods may call: nobody, where there is nobody to call. */
const egressOf = ({ monitoring, batchQueue, features }: InferenceServiceArgs) => {
  const rules = [
    ...(monitoring ? [toPrometheus(monitoring.namespace)] : []),
    ...(batchQueue ? [toPortOf(batchQueue.selector, batchQueue.port)] : []),
    ...podNeeds(features).egress,
  ];
  return rules.length > 0 && { egress: [toClusterDns, ...rules] };
};

const toPrometheus = (
  namespace: pulumi.Input<string>,
): k8s.types.input.networking.v1.NetworkPolicyEgressRule => ({
  to: [
    {
      namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } },
      podSelector: { matchLabels: selectorOf("prometheus") },
    },
  ],
  ports: [{ protocol: "TCP", port: 9090 }],
});

const probe = (path: string, timing: k8s.types.input.core.v1.Probe) => ({
  httpGet: { path, port: "http" },
  timeoutSeconds: 2,
  ...timing,
});
