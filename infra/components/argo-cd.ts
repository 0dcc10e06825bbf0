import { local } from "@pulumi/command";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { RandomBytes } from "@pulumi/random";
import { repositoryDirectory } from "../paths.ts";
import type { ClusterTraits } from "./cluster.ts";
import { labelsOf } from "./labels.ts";
import { podSecurityLabels } from "./namespace.ts";
import { toAnywhere, toApiServer, toClusterDns } from "./network-rules.ts";

/** What an {@link ArgoCd} is made of. */
export type ArgoCdArgs = {
  readonly upstream: ClusterTraits["upstream"];
  /** Path of the kubeconfig. */
  readonly kubeconfig: pulumi.Input<string>;
};

/** Version of the Go module whose manifests and program the embedded cluster gets. */
const MODULE_VERSION = "v3.2.6";
/** Version of the chart that has the same Argo CD. */
const CHART_VERSION = "9.3.5";
const CHART_REPOSITORY = "https://argoproj.github.io/argo-helm";

/** Seconds between two looks at Git: without a webhook that is the longest that a commit waits. */
const LOOK_AT_GIT = "10s";

/** Namespace of Argo CD, as its own manifests have it. */
export const ARGO_CD_NAMESPACE = "argocd";

/**
 * Argo CD without what this platform has no use for. On the embedded cluster upstream's core manifests and a program built
 * from its module: the controller, the repository server, Redis. Elsewhere its chart, with the web page.
 */
export class ArgoCd extends pulumi.ComponentResource {
  readonly namespace: pulumi.Output<string>;

  constructor(name: string, args: ArgoCdArgs, options?: pulumi.ComponentResourceOptions) {
    super("image-classification-platform:index:ArgoCd", name, {}, options);
    const parent = { parent: this };
    const labels = labelsOf("argo-cd");
    const namespace = new k8s.core.v1.Namespace(
      name,
      {
        metadata: {
          name: ARGO_CD_NAMESPACE,
          labels: { ...labels, ...podSecurityLabels("restricted") },
        },
      },
      parent,
    );
    this.namespace = namespace.metadata.name;
    // Its manifests say who may reach its pods; this, whom they may reach.
    const policy = new k8s.networking.v1.NetworkPolicy(
      `${name}-egress`,
      {
        metadata: { name: "egress", namespace: this.namespace, labels },
        spec: { podSelector: {}, policyTypes: ["Egress"], egress: EGRESS },
      },
      parent,
    );
    const after = { ...parent, dependsOn: [namespace, policy] };
    if (args.upstream === "charts") installChart(name, after);
    else installModule(name, { ...args, namespace: this.namespace }, after);
    this.registerOutputs({ namespace: this.namespace });
  }
}

const EGRESS = [
  toClusterDns,
  { to: [{ podSelector: {} }] },
  // Its 443 is Git's over HTTPS, too.
  toApiServer,
  // Git over SSH and over its own protocol.
  toAnywhere(22),
  toAnywhere(9418),
];

type After = pulumi.CustomResourceOptions & { readonly parent: ArgoCd };

const installModule = (
  name: string,
  { namespace, kubeconfig }: ArgoCdArgs & { readonly namespace: pulumi.Input<string> },
  after: After,
): void => {
  // What argocd-server, which a core installation lacks, would make at its first start.
  const key = new RandomBytes(`${name}-key`, { length: 32 }, { parent: after.parent });
  const secret = new k8s.core.v1.Secret(
    `${name}-secret`,
    {
      metadata: {
        name: "argocd-secret",
        namespace,
        labels: { ...labelsOf("argocd-secret"), "app.kubernetes.io/part-of": "argocd" },
      },
      data: {
        "server.secretkey": pulumi.secret(
          key.base64.apply((text) => Buffer.from(text).toString("base64")),
        ),
      },
    },
    after,
  );
  const command = (action: string) =>
    `node infra/cli/argo-cd.ts ${action} --look-at-git ${LOOK_AT_GIT}`;
  new local.Command(
    name,
    {
      dir: repositoryDirectory,
      create: command("install"),
      delete: command("remove"),
      environment: { KUBECONFIG: kubeconfig },
      triggers: [MODULE_VERSION],
    },
    { ...after, dependsOn: [secret] },
  );
};

const installChart = (name: string, after: After): void => {
  const resources = (memory: string) => ({
    requests: { cpu: "50m", memory: "64Mi" },
    limits: { cpu: "1", memory },
  });
  new k8s.helm.v3.Release(
    name,
    {
      name: "argocd",
      namespace: ARGO_CD_NAMESPACE,
      chart: "argo-cd",
      version: CHART_VERSION,
      repositoryOpts: { repo: CHART_REPOSITORY },
      timeout: 600,
      values: {
        fullnameOverride: "argocd",
        global: { networkPolicy: { create: true } },
        configs: {
          cm: { "timeout.reconciliation": LOOK_AT_GIT, "timeout.reconciliation.jitter": "0s" },
          // So that the Application says which of its objects is not healthy, and why.
          params: { "controller.resource.health.persist": "true" },
        },
        controller: { resources: resources("1Gi") },
        repoServer: { resources: resources("512Mi") },
        server: { resources: resources("256Mi") },
        redis: { resources: resources("128Mi") },
        applicationSet: { replicas: 0 },
        dex: { enabled: false },
        notifications: { enabled: false },
      },
    },
    after,
  );
};
