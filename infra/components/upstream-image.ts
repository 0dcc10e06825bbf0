import { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { repositoryDirectory } from "../paths.ts";
import { sourceDigest } from "./source-digest.ts";

/** What an {@link UpstreamImage} is made of. */
export type UpstreamImageArgs = {
  /** Its key in `infra/embedded/images`. */
  readonly image: string;
};

/** An image of upstream's name that the embedded cluster's registry gets from packages. */
export class UpstreamImage extends pulumi.ComponentResource {
  /** Name with tag and digest. */
  readonly reference: pulumi.Output<string>;
  /** The tag alone, which is upstream's version. */
  readonly tag: pulumi.Output<string>;

  constructor(name: string, args: UpstreamImageArgs, options?: pulumi.ComponentResourceOptions) {
    super("image-classification-platform:index:UpstreamImage", name, {}, options);
    const assembly = new local.Command(
      name,
      {
        dir: repositoryDirectory,
        create: `node infra/cli/image.ts assemble ${args.image}`,
        triggers: [
          sourceDigest({
            directory: repositoryDirectory,
            include: [
              "infra/embedded/images/*.ts",
              `infra/embedded/images/${args.image}/**`,
              "infra/embedded/tools/catalogue.ts",
              "infra/embedded/tools/prometheus*/go.*",
            ],
          }),
        ],
      },
      { parent: this },
    );
    this.reference = assembly.stdout.apply((line) => line.trim());
    this.tag = this.reference.apply((reference) => /:([^:@]+)@/.exec(reference)?.[1] ?? "");
    this.registerOutputs({ reference: this.reference });
  }
}
