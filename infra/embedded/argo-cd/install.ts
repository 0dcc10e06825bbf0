import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { step } from "../../console.ts";
import { withLock } from "../../lock.ts";
import { binaryDirectory, cacheDirectory } from "../../paths.ts";
import { runCommand } from "../../run-command.ts";
import { UserError } from "../../user-error.ts";
import { ensureRegistry } from "../cluster/start.ts";
import { ensureBaseImage } from "../images/base-images.ts";
import { ensureTools } from "../tools/build.ts";
import { adaptManifests, type UpstreamObject } from "./manifests.ts";

const NAMESPACE = "argocd";
const MODULE = "github.com/argoproj/argo-cd/v3";

/** With the kubeconfig that KUBECONFIG names. */
const kubectl = (args: readonly string[], objects?: readonly UpstreamObject[]): Promise<string> =>
  runCommand(join(binaryDirectory, "kubectl"), ["--namespace", NAMESPACE, ...args], {
    ...(objects && { input: JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }) }),
  });

/** The manifests that the module of the pinned program carries. */
const readManifests = async (lookAtGit: string): Promise<readonly UpstreamObject[]> => {
  const source = join(import.meta.dirname, "..", "tools", "argocd");
  const module = await runCommand("go", ["mod", "download", "-json", MODULE], { cwd: source });
  const { Dir: directory } = JSON.parse(module) as { Dir: string };
  const text = await readFile(join(directory, "manifests", "core-install.yaml"), "utf8");
  return adaptManifests(text, lookAtGit);
};

const buildImages = async (): Promise<void> => {
  await ensureRegistry();
  // The lock of all image builds: they start from the same base image.
  await withLock(join(cacheDirectory, "image-build.lock"), "wait", async () => {
    for (const image of ["node", "argocd", "redis"] as const) await ensureBaseImage(image);
  });
};

const isWorkload = ({ kind }: UpstreamObject): boolean =>
  kind === "Deployment" || kind === "StatefulSet";

const rollout = async ({ kind, metadata }: UpstreamObject): Promise<void> => {
  try {
    await kubectl(["rollout", "status", `${kind}/${metadata.name}`, "--timeout=180s"]);
  } catch (error) {
    const pods = await kubectl(["get", "pods,events"]);
    throw new UserError(`${metadata.name} did not become ready:\n${pods.trim()}`, { cause: error });
  }
};

/** Builds Argo CD, installs upstream's core manifests by server-side apply, and waits until it runs. */
export const installArgoCd = async (lookAtGit: string): Promise<void> => {
  await ensureTools("kustomize");
  await ensureTools("argocd");
  await buildImages();
  const objects = await readManifests(lookAtGit);
  await step("installing Argo CD", async () => {
    await kubectl(
      ["apply", "--server-side", "--force-conflicts", "--field-manager=argo-cd-install", "-f", "-"],
      objects,
    );
    const crds = objects.filter(({ kind }) => kind === "CustomResourceDefinition");
    const names = crds.map(({ metadata }) => `crd/${metadata.name}`);
    await kubectl(["wait", "--for=condition=Established", "--timeout=60s", ...names]);
    await Promise.all(objects.filter(isWorkload).map(rollout));
  });
};

/** What Argo CD puts on the Job of a hook until its sync has ended: without Argo CD nobody takes it off again. */
const HOOK_FINALIZER = "argocd.argoproj.io/hook-finalizer";

/** Jobs of a sync that Argo CD did not live to end would never go, nor would their namespace. */
const releaseHooks = async (): Promise<void> => {
  const { items } = JSON.parse(
    await kubectl(["get", "jobs", "--all-namespaces", "--output=json"]),
  ) as { items: { metadata: { name: string; namespace: string; finalizers?: string[] } }[] };
  for (const { metadata } of items) {
    const { name, namespace, finalizers = [] } = metadata;
    if (!finalizers.includes(HOOK_FINALIZER)) continue;
    const rest = finalizers.filter((finalizer) => finalizer !== HOOK_FINALIZER);
    const patch = JSON.stringify({ metadata: { finalizers: rest } });
    await kubectl(["patch", "job", name, "--namespace", namespace, "--type=merge", "-p", patch]);
  }
};

/** Removes what {@link installArgoCd} made. Its namespace goes with the program's own. */
export const removeArgoCd = async (lookAtGit: string): Promise<void> => {
  const objects = await readManifests(lookAtGit);
  await kubectl(["delete", "--ignore-not-found", "--wait=false", "-f", "-"], objects);
  const controller = "--selector=app.kubernetes.io/name=argocd-application-controller";
  // In the middle of a sync it would take its time.
  await kubectl(["delete", "pod", controller, "--grace-period=1", "--ignore-not-found"]);
  await releaseHooks();
};
