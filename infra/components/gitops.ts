import * as pulumi from "@pulumi/pulumi";
import type { Settings } from "../config/settings.ts";
import { ArgoCd } from "./argo-cd.ts";
import type { ClusterTraits } from "./cluster.ts";
import { DeployRepository } from "./deploy-repository.ts";
import { GitServer } from "./git-server.ts";
import { GitOpsApplication } from "./gitops-application.ts";
import type { TrainingRun } from "./training-run.ts";

/** What {@link GitOps} is made of. */
export type GitOpsArgs = {
  readonly upstream: ClusterTraits["upstream"];
  /** Path of the kubeconfig. */
  readonly kubeconfig: pulumi.Input<string>;
  /** Namespace that is deployed to. */
  readonly namespace: pulumi.Input<string>;
  /** Reference of the service's image, by digest. */
  readonly image: pulumi.Input<string>;
  /** Nothing is deployed before it: the service would wait for a model. */
  readonly trainingRun: TrainingRun;
  readonly settings: Pick<
    Settings,
    "batch" | "gitops" | "modelStore" | "monitoring" | "service" | "storageClass"
  >;
};

/**
 * The service and its smoke test, deployed by Argo CD from Git: from the repository that the settings name, or else from one
 * in the cluster, which gets deploy/ and the image that was built.
 */
export class GitOps extends pulumi.ComponentResource {
  /** Namespace and name of the Application. */
  readonly application: pulumi.Output<string>;
  /** Namespace of Argo CD. */
  readonly argoCd: pulumi.Output<string>;

  constructor(name: string, args: GitOpsArgs, options?: pulumi.ComponentResourceOptions) {
    super("image-classification-platform:index:GitOps", name, {}, options);
    const { upstream, kubeconfig, namespace, trainingRun, settings } = args;
    const { repository, revision } = settings.gitops;
    const argoCd = new ArgoCd("argo-cd", { upstream, kubeconfig }, { parent: this });
    // `make render` writes an overlay for each stack's settings.
    const overlay = pulumi.getStack();
    const own = repository === undefined ? this.ownRepository(args, argoCd, overlay) : undefined;
    const gitOpsApplication = new GitOpsApplication(
      name,
      {
        argoCd: argoCd.namespace,
        namespace,
        repository: own?.url ?? repository ?? "",
        revision,
        overlay,
      },
      { parent: this, dependsOn: [argoCd, trainingRun, ...(own ? [own.content] : [])] },
    );
    this.argoCd = argoCd.namespace;
    this.application = pulumi.interpolate`${argoCd.namespace}/${gitOpsApplication.application}`;
    this.registerOutputs({ application: this.application });
  }

  private ownRepository({ image, settings }: GitOpsArgs, argoCd: ArgoCd, overlay: string) {
    const { storageClass, ...rendered } = settings;
    const server = new GitServer(
      "git-server",
      { storageClass },
      // Its image is Argo CD's.
      { parent: this, dependsOn: argoCd },
    );
    const content = new DeployRepository(
      "deploy-repository",
      { server, overlay, image, settings: rendered },
      { parent: this },
    );
    return { url: server.clusterUrl, content };
  }
}
