import { createHash } from "node:crypto";
import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { step } from "../../console.ts";
import { binaryDirectory, repositoryDirectory } from "../../paths.ts";
import { runCommand } from "../../run-command.ts";
import { PAUSE_IMAGE } from "../cluster/configuration.ts";
import { ensureTools } from "../tools/build.ts";
import { TOOL_MODULES } from "../tools/catalogue.ts";
import { buildAndPush, findInRegistry } from "./buildah.ts";
import { debianVersion, unpackDebian } from "./debian-package.ts";

/** An image that is assembled here under the name that upstream's has. */
type BaseImage = {
  readonly name: string;
  readonly tag: string | (() => Promise<string>);
  /** Whatever, besides the Dockerfile, decides on the content. */
  readonly inputs: () => Promise<string>;
  /** Puts the files that the Dockerfile copies into the build context. */
  readonly prepare: (context: string) => Promise<void>;
};

/** Redis, as Argo CD's manifests of the pinned version name it; the program in it is Debian's. */
const REDIS_IMAGE = "public.ecr.aws/docker/library/redis:8.2.2-alpine";

const BUSYBOX = "/bin/busybox";
/** npm's version in the image; the one of the Node.js line that the image has. */
const NPM_VERSION = "11.19.1";
const DEBIAN_SUITE = "bookworm";
const PYTHON_PACKAGES = ["python3", "python3-pip", "ca-certificates"];

const versionOf = async (binary: string): Promise<string> =>
  (await runCommand(binary, ["--version"])).trim();

const nodeBinary = join(repositoryDirectory, "node_modules", "node", "bin", "node");

const contentDigest = async (path: string): Promise<string> =>
  createHash("sha256")
    .update(await readFile(path))
    .digest("hex");

const copyBinary = (source: string, name: string) => (context: string) =>
  cp(source, join(context, name), { dereference: true });

const tool = (name: keyof typeof TOOL_MODULES, image: string): BaseImage => ({
  name: image,
  tag: TOOL_MODULES[name].version,
  inputs: () => contentDigest(join(binaryDirectory, name)),
  prepare: copyBinary(join(binaryDirectory, name), name),
});

/** A program that is only built when an image of it is wanted. */
const monitoringTool = (
  module: "prometheus" | "prometheus-operator",
  binary: string,
  image: string,
): BaseImage => ({
  name: `quay.io/${image}`,
  tag: TOOL_MODULES[module].version,
  inputs: async () => {
    await ensureTools(module);
    return contentDigest(join(binaryDirectory, binary));
  },
  prepare: copyBinary(join(binaryDirectory, binary), binary),
});

/** A program of a Debian package with the C library that it is linked with; the tag is upstream's part of Debian's version. */
const debianProgram = (packageName: string, image: string): BaseImage => ({
  name: `quay.io/prometheus/${image}`,
  tag: async () => `v${(await debianVersion(packageName)).replace(/[+~-].*$/, "")}`,
  inputs: async () => (await Promise.all([packageName, "libc6"].map(debianVersion))).join(" "),
  prepare: async (context) => {
    for (const name of [packageName, "libc6"]) await unpackDebian(name, join(context, "root"));
    for (const unread of ["doc", "man", "locale", "lintian"]) {
      await rm(join(context, "root", "usr", "share", unread), { recursive: true, force: true });
    }
  },
});

/** Documentation, manuals and translations are a third of a small Debian, and no container reads them. */
const UNREAD_PATHS = ["doc", "man", "locale", "info", "lintian"].map(
  (name) => `/usr/share/${name}/*`,
);

const assembleDebian = async (context: string, packages: readonly string[] = []): Promise<void> => {
  await runCommand("mmdebstrap", [
    ...["--quiet", "--variant=minbase", '--aptopt=Acquire::Languages "none"'],
    ...packages.map((name) => `--include=${name}`),
    ...UNREAD_PATHS.map((path) => `--dpkgopt=path-exclude=${path}`),
    "--dpkgopt=path-include=/usr/share/doc/*/copyright",
    DEBIAN_SUITE,
    join(context, "base.tar"),
  ]);
};

const IMAGES = {
  pause: {
    name: PAUSE_IMAGE.slice(0, PAUSE_IMAGE.lastIndexOf(":")),
    tag: PAUSE_IMAGE.slice(PAUSE_IMAGE.lastIndexOf(":") + 1),
    inputs: () => contentDigest(BUSYBOX),
    prepare: copyBinary(BUSYBOX, "busybox"),
  },
  busybox: {
    name: "docker.io/library/busybox",
    tag: "stable",
    inputs: () => contentDigest(BUSYBOX),
    prepare: copyBinary(BUSYBOX, "busybox"),
  },
  coredns: tool("coredns", "registry.k8s.io/coredns/coredns"),
  "local-path-provisioner": tool(
    "local-path-provisioner",
    "docker.io/rancher/local-path-provisioner",
  ),
  "prometheus-operator": monitoringTool(
    "prometheus-operator",
    "operator",
    "prometheus-operator/prometheus-operator",
  ),
  "prometheus-config-reloader": monitoringTool(
    "prometheus-operator",
    "prometheus-config-reloader",
    "prometheus-operator/prometheus-config-reloader",
  ),
  prometheus: monitoringTool("prometheus", "prometheus", "prometheus/prometheus"),
  alertmanager: debianProgram("prometheus-alertmanager", "alertmanager"),
  "node-exporter": debianProgram("prometheus-node-exporter", "node-exporter"),
  argocd: {
    name: "quay.io/argoproj/argocd",
    tag: TOOL_MODULES.argocd.version,
    inputs: async () =>
      [
        await contentDigest(join(binaryDirectory, "argocd")),
        await contentDigest(join(binaryDirectory, "kustomize")),
      ].join(" "),
    prepare: async (context) => {
      await copyBinary(join(binaryDirectory, "argocd"), "argocd")(context);
      await copyBinary(join(binaryDirectory, "kustomize"), "kustomize")(context);
    },
  },
  redis: {
    name: REDIS_IMAGE.slice(0, REDIS_IMAGE.lastIndexOf(":")),
    tag: REDIS_IMAGE.slice(REDIS_IMAGE.lastIndexOf(":") + 1),
    inputs: async () => DEBIAN_SUITE,
    prepare: async () => undefined,
  },
  node: {
    name: "docker.io/library/node",
    tag: "24-bookworm-slim",
    inputs: async () =>
      [await versionOf(nodeBinary), NPM_VERSION, DEBIAN_SUITE, ...UNREAD_PATHS].join(" "),
    prepare: async (context) => {
      await assembleDebian(context);
      await copyBinary(nodeBinary, "node")(context);
      await runCommand("npm", [
        ...["install", "--global", "--loglevel=error", "--prefix", join(context, "npm")],
        `npm@${NPM_VERSION}`,
      ]);
    },
  },
  python: {
    name: "docker.io/library/python",
    tag: "3.11-slim-bookworm",
    inputs: async () => [DEBIAN_SUITE, ...PYTHON_PACKAGES, ...UNREAD_PATHS].join(" "),
    prepare: (context) => assembleDebian(context, PYTHON_PACKAGES),
  },
} satisfies Record<string, BaseImage>;

/** The images that a cluster needs before anything is deployed on it. */
export const NODE_IMAGES = ["pause", "busybox", "coredns", "local-path-provisioner"] as const;

export type BaseImageKey = keyof typeof IMAGES;

/** Whether an image of that key is assembled here. */
export const isBaseImage = (key: string): key is BaseImageKey => Object.hasOwn(IMAGES, key);

/** The keys of all images that are assembled here. */
export const baseImageKeys = Object.keys(IMAGES);

/**
 * Makes sure that the registry of this machine has an upstream-named image, assembled from packages. Built again only when
 * what it is made of changes: the fingerprint of its inputs is a second tag.
 *
 * @returns its reference: name, tag and digest
 */
export const ensureBaseImage = async (key: BaseImageKey): Promise<string> => {
  const image: BaseImage = IMAGES[key];
  const tag = typeof image.tag === "string" ? image.tag : await image.tag();
  const reference = (digest: string): string => `${image.name}:${tag}@${digest}`;
  const dockerfile = join(import.meta.dirname, key, "Dockerfile");
  const fingerprint = createHash("sha256")
    .update(await readFile(dockerfile))
    .update(await image.inputs())
    .digest("hex")
    .slice(0, 16);
  const tags = [tag, `inputs-${fingerprint}`];
  const found = await Promise.all(tags.map((tag) => findInRegistry(image.name, tag)));
  if (found[0] && found[0] === found[1]) return reference(found[0]);
  return step(`assembling image ${image.name}:${tag} from packages`, async () => {
    const context = await mkdtemp(join(tmpdir(), "base-image-"));
    try {
      await image.prepare(context);
      const { name } = image;
      return reference(await buildAndPush({ name, tags, dockerfile, context, layers: false }));
    } finally {
      await rm(context, { recursive: true, force: true });
    }
  });
};

/** Makes sure of the images that a Dockerfile starts from, as far as they are assembled here. */
export const ensureBasesOf = async (dockerfile: string): Promise<void> => {
  const bases = new Set(
    [...(await readFile(dockerfile, "utf8")).matchAll(/^FROM\s+(\S+)/gim)].map(([, name]) => name),
  );
  const keys = Object.keys(IMAGES) as (keyof typeof IMAGES)[];
  for (const key of keys) {
    const { name, tag } = IMAGES[key];
    if (bases.has(`${name}:${tag}`)) await ensureBaseImage(key);
  }
};
