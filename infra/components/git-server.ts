import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { GIT_PORT } from "../embedded/cluster/layout.ts";
import { ARGO_CD_NAMESPACE } from "./argo-cd.ts";
import { labelsOf, selectorOf } from "./labels.ts";
import { PlatformNamespace } from "./namespace.ts";
import { podNetworkPolicy } from "./pod-network-policy.ts";
import { type Mount, restrictedPodSpec } from "./restricted-pod.ts";

/** What a {@link GitServer} is made of. */
export type GitServerArgs = {
  readonly storageClass: string;
};

const NAME = "git-server";
const PORT = 9418;
const REPOSITORY = "platform.git";
/** Argo CD's image has git, and the node has that image. */
const IMAGE = "quay.io/argoproj/argocd:v3.2.6";

const RESOURCES = {
  requests: { cpu: "10m", memory: "32Mi" },
  limits: { cpu: "500m", memory: "128Mi" },
};

/** Makes the repository where there is none, then serves it. What was pushed once cannot be rewritten or deleted. */
const SERVE = [
  "set -eu",
  `repository=/repositories/${REPOSITORY}`,
  'git init --quiet --bare --initial-branch=main "$repository"',
  'git -C "$repository" config receive.denyNonFastForwards true',
  'git -C "$repository" config receive.denyDeletes true',
  `exec git daemon --reuseaddr --export-all --enable=receive-pack --base-path=/repositories --port=${PORT} --log-destination=stderr`,
].join("\n");

/**
 * The Git repository of a cluster that can reach no other: git's own daemon on a volume, without accounts. Whoever is on
 * the machine may push, as they may do anything else with the cluster; of the cluster only Argo CD reaches it.
 */
export class GitServer extends pulumi.ComponentResource {
  /** Where Argo CD finds the repository. */
  readonly clusterUrl: pulumi.Output<string>;
  /** Where the machine's git finds it. */
  readonly url: string;
  /** Identity of the volume: another one means an empty repository. */
  readonly uid: pulumi.Output<string>;

  constructor(name: string, args: GitServerArgs, options?: pulumi.ComponentResourceOptions) {
    super("image-classification-platform:index:GitServer", name, {}, options);
    const parent = { parent: this };
    const home = new PlatformNamespace("gitops", { name: "gitops" }, parent);
    const namespace = home.metadataName;
    const metadata = { name: NAME, namespace, labels: labelsOf(NAME) };
    const selector = { matchLabels: selectorOf(NAME) };
    const volume = new k8s.core.v1.PersistentVolumeClaim(
      name,
      {
        metadata,
        spec: {
          accessModes: ["ReadWriteOnce"],
          storageClassName: args.storageClass,
          resources: { requests: { storage: "256Mi" } },
        },
      },
      parent,
    );
    const policy = podNetworkPolicy(
      name,
      {
        part: NAME,
        namespace,
        ingress: [{ from: [FROM_ARGO_CD], ports: [{ protocol: "TCP", port: PORT }] }],
      },
      parent,
    );
    const deployment = new k8s.apps.v1.Deployment(
      name,
      {
        metadata,
        spec: {
          replicas: 1,
          selector,
          // Its volume has one writer.
          strategy: { type: "Recreate" },
          template: { metadata: { labels: labelsOf(NAME) }, spec: podSpec(volume.metadata.name) },
        },
      },
      { ...parent, dependsOn: policy },
    );
    const service = new k8s.core.v1.Service(
      name,
      {
        metadata,
        spec: {
          type: "NodePort",
          selector: selectorOf(NAME),
          ports: [{ name: "git", port: PORT, targetPort: "git", nodePort: GIT_PORT }],
        },
      },
      { ...parent, dependsOn: deployment },
    );
    this.clusterUrl = pulumi.interpolate`git://${service.metadata.name}.${namespace}.svc/${REPOSITORY}`;
    this.url = `git://127.0.0.1:${GIT_PORT}/${REPOSITORY}`;
    this.uid = volume.metadata.uid;
    this.registerOutputs({ clusterUrl: this.clusterUrl, url: this.url, uid: this.uid });
  }
}

const FROM_ARGO_CD = {
  namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": ARGO_CD_NAMESPACE } },
};

const podSpec = (claimName: pulumi.Input<string>): k8s.types.input.core.v1.PodSpec => {
  const repositories: Mount = {
    path: "/repositories",
    volume: { name: "repositories", persistentVolumeClaim: { claimName } },
  };
  const probe = { tcpSocket: { port: "git" }, timeoutSeconds: 2 };
  return restrictedPodSpec({
    pod: { terminationGracePeriodSeconds: 10 },
    container: {
      name: NAME,
      image: IMAGE,
      // tini passes the end on to the daemon, which as first process would not hear of it.
      command: ["tini", "-g", "--", "sh", "-c", SERVE],
      env: [{ name: "HOME", value: "/tmp" }],
      ports: [{ name: "git", containerPort: PORT }],
      startupProbe: { ...probe, periodSeconds: 1, failureThreshold: 30 },
      // Each probe is a line in the daemon's log.
      readinessProbe: { ...probe, periodSeconds: 20 },
      livenessProbe: { ...probe, periodSeconds: 20 },
      resources: RESOURCES,
    },
    mounts: [repositories],
  });
};
