import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { vi } from "vitest";
import { kubectlJson, repository } from "./support.ts";

/** Where the service answers. */
export const url = "http://127.0.0.1:8080";

/** Awaits a condition of the cluster; what it says last is what is thrown. */
export const eventually = <T>(check: () => T | Promise<T>, seconds: number): Promise<T> =>
  vi.waitFor(check, { timeout: seconds * 1000, interval: 250 });

/** Sends a picture of a cat. */
export const predict = (): Promise<Response> => {
  const body = new FormData();
  const picture = readFileSync(join(repository, "artifacts/samples/cat.0.png"));
  body.set("image", new Blob([picture]), "cat.png");
  return fetch(`${url}/predict`, { method: "POST", body });
};

/** What the service says of itself. */
export const health = async (): Promise<{ readonly model: { readonly digest: string } }> =>
  (await fetch(`${url}/health`)).json() as Promise<{ model: { digest: string } }>;

type Container = {
  readonly image: string;
  readonly env: readonly { readonly name: string; readonly value?: string }[];
};

/** The service's Deployment as the cluster has it. */
export const deployment = (): Promise<{
  readonly spec: {
    readonly replicas: number;
    readonly template: { readonly spec: { readonly containers: readonly Container[] } };
  };
}> => kubectlJson("get", "deployment/api", "-n", "cats-dogs");

/** The container that the service's pods are to have. */
export const container = async (): Promise<Container | undefined> =>
  (await deployment()).spec.template.spec.containers[0];

/** A pod, as far as tests look at it. */
export type Pod = {
  readonly metadata: { readonly name: string };
  readonly status: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly {
      readonly name: string;
      readonly containerID?: string;
      readonly restartCount: number;
    }[];
  };
};

/** Pods of a namespace. @param selector such as `app.kubernetes.io/name=api` */
export const podsOf = async (namespace: string, selector: string): Promise<readonly Pod[]> =>
  (await kubectlJson<{ items: Pod[] }>("get", "pods", "-n", namespace, "-l", selector)).items;

/** Names of the service's pods that take requests. */
export const readyPods = async (): Promise<readonly string[]> =>
  (await podsOf("cats-dogs", "app.kubernetes.io/name=api"))
    .filter(({ status }) =>
      status.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True"),
    )
    .map(({ metadata }) => metadata.name);

/** Where Argo CD's Application is. */
export const application = (): Promise<{
  readonly status: {
    readonly sync: { readonly status: string; readonly revision: string };
    readonly health: { readonly status: string };
    readonly operationState?: {
      readonly phase: string;
      readonly operation?: { readonly sync?: { readonly revision?: string } };
    };
  };
}> => kubectlJson("get", "application/cats-dogs", "-n", "argocd");

/** Awaits that Argo CD has begun to deploy a commit. */
export const syncHasBegun = (commit: string): Promise<void> =>
  eventually(async () => {
    const { operationState } = (await application()).status;
    if (operationState?.operation?.sync?.revision !== commit || operationState.phase !== "Running")
      throw new Error(`no sync of ${commit} is under way: ${JSON.stringify(operationState)}`);
  }, 300);

/** Ends the processes of a container as a crash would, on the node: SIGKILL, without a word to Kubernetes. */
export const killContainer = async (
  namespace: string,
  selector: string,
  name: string,
): Promise<void> => {
  const ids = (await podsOf(namespace, selector))
    .flatMap(({ status }) => status.containerStatuses ?? [])
    // One that is still being made has none, and nothing that could be ended.
    .flatMap(({ name: own, containerID }) =>
      own === name && containerID ? [containerID.replace("containerd://", "")] : [],
    );
  if (ids.length === 0) throw new Error(`${namespace} has no container ${name} (${selector})`);
  for (const pid of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    try {
      const cgroup = readFileSync(`/proc/${pid}/cgroup`, "utf8");
      if (ids.some((id) => cgroup.includes(id))) process.kill(Number(pid), "SIGKILL");
    } catch {
      // It has ended meanwhile.
    }
  }
};

/** The node's directory of a claim's volume. */
export const volumeDirectory = async (namespace: string, claim: string): Promise<string> => {
  const { items } = await kubectlJson<{
    items: {
      spec: {
        claimRef: { namespace: string; name: string };
        hostPath?: { path: string };
        local?: { path: string };
      };
    }[];
  }>("get", "persistentvolumes");
  const found = items.find(
    ({ spec }) => spec.claimRef.namespace === namespace && spec.claimRef.name === claim,
  )?.spec;
  const path = found?.hostPath?.path ?? found?.local?.path;
  if (!path) throw new Error(`claim ${namespace}/${claim} has no volume on this node`);
  return path;
};
