import { createHash } from "node:crypto";
import { join } from "node:path";
import { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { repositoryDirectory } from "../paths.ts";
import type { ImageDelivery } from "./cluster.ts";
import { sourceDigest } from "./source-digest.ts";

/** What a {@link ContainerImage} is made of. */
export type ContainerImageArgs = {
  readonly delivery: ImageDelivery;
  /** Name of the image below the registry. */
  readonly image: string;
  /** Dockerfile, relative to the repository. */
  readonly dockerfile: string;
  /** SHA-256 of everything that the image is made of: the image is built when it changes, and only then. */
  readonly digest: string;
  /**
   * Directory that the Dockerfile copies from.
   *
   * @default the repository
   */
  readonly context?: string;
  /** Image that the Dockerfile starts from, for a Dockerfile that leaves it open (`ARG BASE`). */
  readonly base?: pulumi.Input<string>;
};

/** An image, built from a Dockerfile and delivered to where the cluster's nodes take it from. */
export class ContainerImage extends pulumi.ComponentResource {
  /** Name with digest (with a tag made of the content where the nodes' own store has no digests). */
  readonly reference: pulumi.Output<string>;

  constructor(name: string, args: ContainerImageArgs, options?: pulumi.ComponentResourceOptions) {
    super("image-classification-platform:index:ContainerImage", name, {}, options);
    const { delivery, image, dockerfile, digest, context, base } = args;
    const tag =
      base === undefined ? tagOf(digest) : pulumi.output(base).apply((b) => tagOf(digest, b));
    const build = new local.Command(
      name,
      {
        dir: repositoryDirectory,
        create: pulumi
          .all([
            `node infra/cli/image.ts build --target ${delivery.target}`,
            `--name ${delivery.registry}/${image}`,
            pulumi.concat("--tag ", tag),
            `--file ${dockerfile}`,
            ...(context === undefined ? [] : [`--context "${context}"`]),
            ...(base === undefined ? [] : [pulumi.concat("--base ", base)]),
          ])
          .apply((words) => words.join(" ")),
        environment: delivery.environment,
        triggers: [tag],
      },
      { parent: this },
    );
    this.reference = build.stdout.apply((line) => line.trim());
    this.registerOutputs({ reference: this.reference });
  }
}

/** A tag that stands for what the image is made of. */
const tagOf = (...parts: readonly string[]): string =>
  createHash("sha256").update(parts.join("\n")).digest("hex").slice(0, 16);

/** Digest of what the image of a workspace is made of: its code, the model contract and, for the service, its configuration, without tests, and what `npm ci` reads. */
export const workspaceDigest = (workspace: "service" | "training"): string =>
  sourceDigest({
    directory: repositoryDirectory,
    include: [
      ".dockerignore",
      ".npmrc",
      "package.json",
      "package-lock.json",
      "{model,training,service,infra}/package.json",
      "model/**",
      `${workspace}/**`,
      ...(workspace === "service" ? ["configs/**"] : []),
    ],
    exclude: ["**/*.test.ts", "**/testdata", "**/node_modules"],
  });

/** Digest of what an image is made of whose Dockerfile copies from one directory of the repository only. */
export const directoryDigest = (directory: string): string =>
  sourceDigest({ directory: join(repositoryDirectory, directory), include: ["**"] });
