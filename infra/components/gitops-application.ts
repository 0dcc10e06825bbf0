import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { labelsOf } from "./labels.ts";

/** What a {@link GitOpsApplication} is made of. */
export type GitOpsApplicationArgs = {
  /** Namespace of Argo CD. */
  readonly argoCd: pulumi.Input<string>;
  /** Namespace that is deployed to. */
  readonly namespace: pulumi.Input<string>;
  /** URL of the Git repository, as Argo CD reaches it. */
  readonly repository: pulumi.Input<string>;
  readonly revision: string;
  /** Overlay of deploy/ that is deployed. */
  readonly overlay: string;
};

/** Name of the Application. */
export const APPLICATION = "cats-dogs";
const IN_CLUSTER = "https://kubernetes.default.svc";

/** The kinds that deploy/ consists of; nothing else may come from Git. */
export const ALLOWED_KINDS = [
  { group: "", kind: "Service" },
  { group: "", kind: "ServiceAccount" },
  { group: "apps", kind: "Deployment" },
  { group: "autoscaling", kind: "HorizontalPodAutoscaler" },
  { group: "batch", kind: "Job" },
  { group: "networking.k8s.io", kind: "NetworkPolicy" },
  { group: "policy", kind: "PodDisruptionBudget" },
];

/**
 * What Argo CD deploys: one overlay of one repository into one namespace, kept as Git has it. A project of its own allows
 * just that.
 */
export class GitOpsApplication extends pulumi.ComponentResource {
  /** Name of the Application. */
  readonly application: pulumi.Output<string>;

  constructor(
    name: string,
    args: GitOpsApplicationArgs,
    options?: pulumi.ComponentResourceOptions,
  ) {
    super("image-classification-platform:index:GitOpsApplication", name, {}, options);
    const { argoCd, namespace, repository, revision, overlay } = args;
    const metadata = { name: APPLICATION, namespace: argoCd, labels: labelsOf(APPLICATION) };
    const destination = { server: IN_CLUSTER, namespace };
    const project = new k8s.apiextensions.CustomResource(
      `${name}-project`,
      {
        apiVersion: "argoproj.io/v1alpha1",
        kind: "AppProject",
        metadata,
        spec: {
          description: "The service and its smoke test.",
          sourceRepos: [repository],
          destinations: [destination],
          clusterResourceWhitelist: [],
          namespaceResourceWhitelist: ALLOWED_KINDS,
        },
      },
      { parent: this },
    );
    const application = new k8s.apiextensions.CustomResource(
      name,
      {
        apiVersion: "argoproj.io/v1alpha1",
        kind: "Application",
        metadata,
        spec: {
          project: project.metadata.name,
          source: {
            repoURL: repository,
            targetRevision: revision,
            path: `deploy/overlays/${overlay}`,
          },
          destination,
          syncPolicy: SYNC_POLICY,
          revisionHistoryLimit: 10,
        },
      },
      { parent: this },
    );
    this.application = application.metadata.name;
    this.registerOutputs({ application: this.application });
  }
}

const SYNC_POLICY = {
  automated: { prune: true, selfHeal: true },
  syncOptions: ["ServerSideApply=true", "ApplyOutOfSyncOnly=false", "PruneLast=true"],
  // Few and short: while a sync is tried again Argo CD takes up no other commit. With `refresh` a try takes the newest
  // commit and not the one that has failed.
  retry: {
    limit: 2,
    refresh: true,
    backoff: { duration: "5s", factor: 2, maxDuration: "10s" },
  },
};
