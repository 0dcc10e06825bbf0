import { local } from "@pulumi/command";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { repositoryDirectory } from "../../paths.ts";
import { labelsOf, selectorOf } from "../labels.ts";
import { toApiServer, toClusterDns } from "../network-rules.ts";
import { podNetworkPolicy } from "../pod-network-policy.ts";
import { restrictedPodSpec } from "../restricted-pod.ts";
import { sourceDigest } from "../source-digest.ts";
import { UpstreamImage } from "../upstream-image.ts";
import { clusterAccount } from "./cluster-account.ts";

/** What an {@link Operator} is made of. */
export type OperatorArgs = {
  readonly namespace: pulumi.Input<string>;
  /** Identity of the namespace: the kinds are applied again to a new cluster. */
  readonly namespaceUid: pulumi.Input<string>;
  /** Path of the kubeconfig. */
  readonly kubeconfig: pulumi.Input<string>;
};

const NAME = "prometheus-operator";
const METRICS = 8080;

const RESOURCES = {
  requests: { cpu: "20m", memory: "64Mi" },
  limits: { cpu: "500m", memory: "200Mi" },
};

/** What upstream's bundle allows it, without the kinds that are not used here. */
const RULES = [
  {
    apiGroups: ["monitoring.coreos.com"],
    resources: [
      ...["alertmanagers", "prometheuses"].flatMap((kind) => [
        kind,
        `${kind}/finalizers`,
        `${kind}/status`,
      ]),
      ...["alertmanagerconfigs", "podmonitors", "probes", "prometheusrules", "scrapeconfigs"],
      ...["servicemonitors", "servicemonitors/status"],
    ],
    verbs: ["*"],
  },
  { apiGroups: ["apps"], resources: ["statefulsets"], verbs: ["*"] },
  { apiGroups: [""], resources: ["configmaps", "secrets"], verbs: ["*"] },
  { apiGroups: [""], resources: ["pods"], verbs: ["list", "delete"] },
  {
    apiGroups: [""],
    resources: ["services", "services/finalizers"],
    verbs: ["get", "create", "update", "delete"],
  },
  { apiGroups: [""], resources: ["nodes"], verbs: ["list", "watch"] },
  { apiGroups: [""], resources: ["namespaces"], verbs: ["get", "list", "watch"] },
  { apiGroups: [""], resources: ["events"], verbs: ["patch", "create"] },
  { apiGroups: ["storage.k8s.io"], resources: ["storageclasses"], verbs: ["get"] },
  {
    apiGroups: ["discovery.k8s.io"],
    resources: ["endpointslices"],
    verbs: ["get", "list", "create", "update", "delete"],
  },
];

/** prometheus-operator with its kinds: makes StatefulSets of Prometheus and Alertmanager objects, and their configuration of monitors and rules. */
export class Operator extends pulumi.ComponentResource {
  constructor(name: string, args: OperatorArgs, options?: pulumi.ComponentResourceOptions) {
    super("image-classification-platform:index:MonitoringOperator", name, {}, options);
    const { namespace, namespaceUid, kubeconfig } = args;
    const parent = { parent: this };
    const labels = labelsOf(NAME);
    const metadata = { name: NAME, namespace, labels };
    const image = new UpstreamImage(name, { image: "prometheus-operator" }, parent);
    const reloader = new UpstreamImage(
      `${name}-reloader`,
      { image: "prometheus-config-reloader" },
      // One build makes both programs: the second finds it done.
      { ...parent, dependsOn: image },
    );

    const definitions = new local.Command(
      `${name}-kinds`,
      {
        dir: repositoryDirectory,
        create: "node infra/cli/monitoring-definitions.ts",
        environment: { KUBECONFIG: kubeconfig },
        triggers: [
          namespaceUid,
          sourceDigest({
            directory: repositoryDirectory,
            include: [
              "infra/embedded/monitoring-definitions.ts",
              "infra/embedded/tools/prometheus-operator/**",
            ],
          }),
        ],
      },
      // Its module is downloaded by the build.
      { ...parent, dependsOn: image },
    );

    const account = clusterAccount(name, { metadata, role: NAME, rules: RULES }, parent);
    const policy = podNetworkPolicy(
      name,
      { part: NAME, namespace, egress: [toClusterDns, toApiServer] },
      parent,
    );

    const probe = (failureThreshold: number) => ({
      httpGet: { path: "/healthz", port: "http" },
      periodSeconds: 2,
      timeoutSeconds: 2,
      failureThreshold,
    });
    new k8s.apps.v1.Deployment(
      name,
      {
        metadata,
        spec: {
          replicas: 1,
          revisionHistoryLimit: 3,
          selector: { matchLabels: selectorOf(NAME) },
          template: {
            metadata: { labels },
            spec: restrictedPodSpec({
              pod: {
                serviceAccountName: account.name,
                // It works through the API server.
                automountServiceAccountToken: true,
              },
              container: {
                name: NAME,
                image: image.reference,
                args: [
                  "--kubelet-service=kube-system/kubelet",
                  "--kubelet-endpoints=false",
                  "--kubelet-endpointslice=true",
                  pulumi.concat("--prometheus-config-reloader=", reloader.reference),
                ],
                ports: [{ name: "http", containerPort: METRICS }],
                readinessProbe: probe(3),
                livenessProbe: { ...probe(5), periodSeconds: 10 },
                resources: RESOURCES,
              },
              mounts: [],
            }),
          },
        },
      },
      { ...parent, dependsOn: [definitions, account.binding, policy] },
    );
    this.registerOutputs({});
  }
}
