import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import { step } from "../../console.ts";
import { withLock } from "../../lock.ts";
import { binaryDirectory, cacheDirectory } from "../../paths.ts";
import { runCommand, tryCommand } from "../../run-command.ts";
import { UserError } from "../../user-error.ts";
import { ensureRegistry } from "../cluster/start.ts";
import { ensureBaseImage } from "../images/base-images.ts";
import { ensureTools } from "../tools/build.ts";
import { adaptManifests, type UpstreamObject } from "./manifests.ts";

const NAMESPACE = "argocd";
const MODULE = "github.com/argoproj/argo-cd/v3";
const KUBECTL = join(binaryDirectory, "kubectl");

/** With the kubeconfig that KUBECONFIG names. */
const kubectl = (args: readonly string[], objects?: readonly UpstreamObject[]): Promise<string> =>
  runCommand(KUBECTL, ["--namespace", NAMESPACE, ...args], {
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

/** Whether there is a cluster to remove anything from. A server that answers at all counts, also while it is not ready. */
const clusterAnswers = async (): Promise<boolean> => {
  const { KUBECONFIG: kubeconfig } = process.env;
  // Without the file kubectl would ask port 8080 of this machine, and that may be the service's.
  const named = await access(kubeconfig ?? "").then(
    () => true,
    () => false,
  );
  if (!named) return false;
  return (
    (await tryCommand(KUBECTL, ["get", "--raw", "/version", "--request-timeout=20s"])).code === 0
  );
};

/**
 * Removes what {@link installArgoCd} made. Its namespace goes with the program's own. Of a cluster that is gone there is
 * nothing to remove: `make down` takes half a cluster away before.
 */
export const removeArgoCd = async (lookAtGit: string): Promise<void> => {
  if (!(await clusterAnswers())) return;
  const objects = await readManifests(lookAtGit);
  await kubectl(["delete", "--ignore-not-found", "--wait=false", "-f", "-"], objects);
  const controller = "--selector=app.kubernetes.io/name=argocd-application-controller";
  // In the middle of a sync it would take its time.
  await kubectl(["delete", "pod", controller, "--grace-period=1", "--ignore-not-found"]);
  await releaseHooks();
};
