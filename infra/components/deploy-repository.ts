import { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { repositoryDirectory } from "../paths.ts";
import type { GitServer } from "./git-server.ts";
import { sourceDigest } from "./source-digest.ts";

/** What a {@link DeployRepository} is made of. */
export type DeployRepositoryArgs = {
  readonly server: GitServer;
  readonly overlay: string;
  /** Reference of the service's image, by digest. */
  readonly image: pulumi.Input<string>;
  /** The stack's settings that deploy/ is rendered from. */
  readonly settings: object;
};

/**
 * The content of the cluster's own Git repository: deploy/ with the image that was built. Pushed when one of them changes,
 * as a commit on top of what others have pushed meanwhile.
 */
export class DeployRepository extends pulumi.ComponentResource {
  /** Commit that the repository had afterwards. */
  readonly commit: pulumi.Output<string>;

  constructor(name: string, args: DeployRepositoryArgs, options?: pulumi.ComponentResourceOptions) {
    super("image-classification-platform:index:DeployRepository", name, {}, options);
    const { server, overlay, image, settings } = args;
    const push = new local.Command(
      name,
      {
        dir: repositoryDirectory,
        create: pulumi.interpolate`node infra/cli/push-deploy.ts --repository ${server.url} --overlay ${overlay} --image ${image}`,
        triggers: [
          image,
          server.uid,
          JSON.stringify(settings),
          sourceDigest({ directory: repositoryDirectory, include: ["deploy/**"] }),
        ],
      },
      { parent: this, dependsOn: server },
    );
    this.commit = push.stdout.apply((line) => line.trim());
    this.registerOutputs({ commit: this.commit });
  }
}
