import { join, resolve } from "node:path";
import { Argument, Command, Option } from "commander";
import { runMain, step } from "../console.ts";
import { ensureRegistry } from "../embedded/cluster/start.ts";
import {
  baseImageKeys,
  ensureBaseImage,
  ensureBasesOf,
  isBaseImage,
} from "../embedded/images/base-images.ts";
import { buildAndPush, findInRegistry, pruneImages } from "../embedded/images/buildah.ts";
import { withLock } from "../lock.ts";
import { cacheDirectory, repositoryDirectory } from "../paths.ts";
import { runCommand, tryCommand } from "../run-command.ts";

type BuildOptions = {
  readonly target: "embedded" | "minikube" | "registry";
  readonly name: string;
  readonly tag: string;
  readonly file: string;
  readonly context: string;
  readonly base?: string;
};

/** The commit that last touched what is built: unlike HEAD it does not change with every commit. */
const commitOf = async (context: string): Promise<string> => {
  const result = await tryCommand("git", ["log", "-1", "--format=%H", "--", context], {
    cwd: repositoryDirectory,
  });
  return result.stdout.trim() || "unknown";
};

const buildArgs = async (options: BuildOptions): Promise<Record<string, string>> => ({
  BUILD_VERSION: options.tag,
  BUILD_COMMIT: await commitOf(join(options.file, "..")),
  ...(options.base && { BASE: options.base }),
});

/** With buildah, into the registry of this machine, whose content survives in the cache. */
const buildEmbedded = async (options: BuildOptions): Promise<string> => {
  await ensureRegistry();
  const reference = (digest: string): string => `${options.name}:${options.tag}@${digest}`;
  const found = await findInRegistry(options.name, options.tag);
  if (found) return reference(found);
  await pruneImages();
  const { name, tag, context } = options;
  const dockerfile = resolve(repositoryDirectory, options.file);
  await ensureBasesOf(dockerfile);
  const args = await buildArgs(options);
  return reference(
    await buildAndPush({ name, tags: [tag], dockerfile, context, buildArgs: args, layers: true }),
  );
};

const dockerBuild = async (options: BuildOptions): Promise<string> => {
  const image = `${options.name}:${options.tag}`;
  const args = Object.entries(await buildArgs(options));
  await runCommand(
    "docker",
    [
      ...["build", "--tag", image, "--file", options.file],
      ...args.flatMap(([key, value]) => ["--build-arg", `${key}=${value}`]),
      options.context,
    ],
    { cwd: repositoryDirectory },
  );
  return image;
};

/** With Docker on this machine, loaded into Minikube's node: its store has no digests, so the tag stands for the content. */
const buildForMinikube = async (options: BuildOptions): Promise<string> => {
  const image = await dockerBuild(options);
  await runCommand("minikube", ["image", "load", image]);
  return image;
};

/** With Docker on this machine, pushed to the registry that the name begins with. */
const buildForRegistry = async (options: BuildOptions): Promise<string> => {
  const image = await dockerBuild(options);
  await runCommand("docker", ["push", image]);
  const pushed = await runCommand("docker", [
    ...["image", "inspect", "--format", "{{index .RepoDigests 0}}", image],
  ]);
  return `${image}@${pushed.trim().split("@")[1]}`;
};

const BUILDERS = {
  embedded: buildEmbedded,
  minikube: buildForMinikube,
  registry: buildForRegistry,
} as const;

/*
 * `node infra/cli/image.ts build …` builds an image, brings it to where a target's nodes take it from, and prints its
 * reference. The program's container-image component runs it as its create.
 */
const program = new Command("image");
program
  .command("build")
  .addOption(
    new Option("--target <kind>", "where the nodes take images from")
      .choices(Object.keys(BUILDERS))
      .makeOptionMandatory(),
  )
  .requiredOption("--name <name>", "name with registry and repository")
  .requiredOption("--tag <tag>", "tag that stands for the content")
  .requiredOption("--file <dockerfile>", "Dockerfile, relative to the repository")
  .option("--context <directory>", "directory that the Dockerfile copies from", repositoryDirectory)
  .option("--base <image>", "value of the Dockerfile's ARG BASE")
  .action(async (options: BuildOptions) => {
    // One build at a time: they share the base image, the layer cache and two cores.
    const reference = await withLock(join(cacheDirectory, "image-build.lock"), "wait", () =>
      step(`building image ${options.name}`, () => BUILDERS[options.target](options)),
    );
    process.stdout.write(`${reference}\n`);
  });
program
  .command("assemble")
  .description("put an upstream-named image into the registry of this machine; print its reference")
  .addArgument(new Argument("<key>").choices(baseImageKeys))
  .action(async (key: string) => {
    if (!isBaseImage(key)) return;
    const reference = await withLock(join(cacheDirectory, "image-build.lock"), "wait", async () => {
      await ensureRegistry();
      return ensureBaseImage(key);
    });
    process.stdout.write(`${reference}\n`);
  });

await runMain(async () => {
  await program.parseAsync();
});
