import { access, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { say } from "../../console.ts";
import { cacheDirectory } from "../../paths.ts";
import { runCommand } from "../../run-command.ts";
import { REGISTRY } from "../cluster/layout.ts";

const storage = join(cacheDirectory, "buildah");
/** The certificates that this machine trusts, a company's own among them: builds get them as a secret, images never. */
const CA_BUNDLE = "/etc/ssl/certs/ca-certificates.crt";

// A pull of docker.io/library/node asks the registry of this machine first, for library/node.
const registriesConfiguration = (): string =>
  ["docker.io", "registry.k8s.io", "quay.io", "ghcr.io"]
    .map(
      (host) =>
        `[[registry]]\nprefix = "${host}"\nlocation = "${host}"\n[[registry.mirror]]\nlocation = "${REGISTRY}"\ninsecure = true\n`,
    )
    .join("\n");

const environment = async (): Promise<NodeJS.ProcessEnv> => {
  await mkdir(storage, { recursive: true });
  const registries = join(storage, "registries.conf");
  await writeFile(registries, registriesConfiguration());
  return { ...process.env, CONTAINERS_REGISTRIES_CONF: registries, BUILDAH_ISOLATION: "chroot" };
};

const buildah = async (args: readonly string[]): Promise<string> =>
  runCommand(
    "buildah",
    [
      ...["--root", join(storage, "root"), "--runroot", join(storage, "run")],
      ...["--storage-driver", "overlay", ...args],
    ],
    { env: await environment() },
  );

/** The path of an image inside the registry: its upstream name without the host. */
const repositoryOf = (name: string): string => name.slice(name.indexOf("/") + 1);

/** The digest that the registry of this machine has for an image's tag, or undefined. */
export const findInRegistry = async (name: string, tag: string): Promise<string | undefined> => {
  const response = await fetch(`http://${REGISTRY}/v2/${repositoryOf(name)}/manifests/${tag}`, {
    method: "HEAD",
    headers: {
      accept:
        "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json",
    },
  });
  return response.ok ? (response.headers.get("docker-content-digest") ?? undefined) : undefined;
};

/**
 * Images that are kept, those of each build's steps among them, which the next build begins with. Nothing else removes any: a
 * day of many builds left 25 GB, and the kubelet evicts pods from a full disk. A whole platform leaves about 70, a changed service 10.
 */
const KEPT_IMAGES = 250;

/**
 * Removes all images without a name once there are many: what comes next is built from its first step. No build may run beside
 * it. A build that was interrupted left a container behind, whose image would stay.
 */
export const pruneImages = async (): Promise<void> => {
  const list = await buildah(["images", "--all", "--quiet"]);
  if (list.trim().split("\n").length <= KEPT_IMAGES) return;
  try {
    await buildah(["rm", "--all"]);
    await buildah(["rmi", "--prune"]);
  } catch (error) {
    // The build that was asked for needs none of this.
    say(`old images stay, because ${error instanceof Error ? error.message : error}`);
  }
};

/** What to build, and the name and tags under which it is pushed. */
export type ImageBuild = {
  /** Upstream name with its registry: `docker.io/library/node`. */
  readonly name: string;
  readonly tags: readonly string[];
  readonly dockerfile: string;
  readonly context: string;
  readonly buildArgs?: Readonly<Record<string, string>>;
  /** Whether earlier builds' layers are reused. */
  readonly layers: boolean;
};

/** Builds an image from a Dockerfile and pushes it to the registry of this machine; returns the manifest's digest. */
export const buildAndPush = async (build: ImageBuild): Promise<string> => {
  const trusted = await access(CA_BUNDLE).then(
    () => true,
    () => false,
  );
  const work = await mkdtemp(join(tmpdir(), "image-"));
  try {
    const idFile = join(work, "id");
    await buildah([
      "build",
      ...["--network", "host", "--format", "docker", "--iidfile", idFile],
      ...["--file", build.dockerfile, build.layers ? "--layers" : "--layers=false"],
      ...(trusted ? ["--secret", `id=ca,src=${CA_BUNDLE}`] : []),
      ...Object.entries(build.buildArgs ?? {}).flatMap(([key, value]) => [
        "--build-arg",
        `${key}=${value}`,
      ]),
      build.context,
    ]);
    const id = (await readFile(idFile, "utf8")).trim();
    const digestFile = join(work, "digest");
    for (const tag of build.tags) {
      await buildah([
        ...["push", "--tls-verify=false", "--digestfile", digestFile, id],
        `docker://${REGISTRY}/${repositoryOf(build.name)}:${tag}`,
      ]);
    }
    return (await readFile(digestFile, "utf8")).trim();
  } finally {
    await rm(work, { recursive: true, force: true });
  }
};
