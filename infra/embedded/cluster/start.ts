import { mkdir } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { say, step } from "../../console.ts";
import { UserError } from "../../user-error.ts";
import { ensureBaseImage, NODE_IMAGES } from "../images/base-images.ts";
import { ensureTools } from "../tools/build.ts";
import { ensureAddons } from "./addons.ts";
import { ensureCgroup } from "./cgroup.ts";
import { writeConfiguration } from "./configuration.ts";
import { CLUSTER_PACKAGES, ensureDebianPackages } from "./debian-packages.ts";
import { requireFreePort, requireRoot } from "./host.ts";
import { NODE_NAME, PORTS, places } from "./layout.ts";
import { ensureNetwork } from "./network.ts";
import { kubectl, nodeProcesses, registryProcess } from "./node-processes.ts";
import { ensurePki } from "./pki.ts";
import { ensureProcess, type ProcessSpec, runningPid } from "./processes.ts";

/** Which ports a process listens on; a stranger there would be taken for the process itself. */
const PORTS_OF: Readonly<Record<string, readonly (keyof typeof PORTS)[]>> = {
  registry: ["registry"],
  etcd: ["etcd", "etcdPeer"],
  "kube-apiserver": ["apiServer"],
  "kube-controller-manager": ["controllerManager"],
  "kube-scheduler": ["scheduler"],
  kubelet: ["kubelet", "kubeletHealth"],
  "kube-proxy": ["kubeProxyHealth", "kubeProxyMetrics"],
};

const requirePorts = async (processes: readonly ProcessSpec[]): Promise<void> => {
  for (const { name } of processes) {
    if (await runningPid(name)) continue;
    for (const port of PORTS_OF[name] ?? []) await requireFreePort(PORTS[port], name);
  }
};

const nodeIsReady = async (): Promise<boolean> => {
  const { stdout } = await kubectl([
    ...["get", "node", NODE_NAME, "-o"],
    'jsonpath={.status.conditions[?(@.type=="Ready")].status}',
  ]);
  return stdout === "True";
};

/** Whether every process of the node runs and the node takes pods: only then do pods end when they are told to. */
export const isClusterHealthy = async (): Promise<boolean> => {
  const pids = await Promise.all(nodeProcesses.map(({ name }) => runningPid(name)));
  if (pids.includes(undefined)) return false;
  // Without the cache there is no kubectl to ask with.
  return nodeIsReady().catch(() => false);
};

const waitForNode = async (): Promise<void> => {
  const until = Date.now() + 120_000;
  while (!(await nodeIsReady())) {
    if (Date.now() > until) {
      throw new UserError(`The node is not Ready after 120 s; read ${places.logs}/kubelet.log.`);
    }
    await delay(300);
  }
};

/** The registry of this machine runs, with what it needs; images can be built and pulled before a cluster exists. */
export const ensureRegistry = async (): Promise<void> => {
  await ensureTools("registry");
  await mkdir(places.home, { recursive: true });
  await writeConfiguration();
  await requirePorts([registryProcess]);
  await ensureProcess(registryProcess);
};

/**
 * Builds, starts or heals the embedded cluster, whatever of it is missing, and waits until its node is Ready and its DNS
 * answers. Data of etcd and volumes survive the death of any process.
 *
 * @returns the path of the admin's kubeconfig
 */
export const startCluster = async (): Promise<string> => {
  requireRoot();
  await ensureDebianPackages(CLUSTER_PACKAGES);
  for (const name of ["kubernetes", "etcd", "coredns", "local-path-provisioner"] as const) {
    await ensureTools(name);
  }
  await ensureRegistry();
  await requirePorts(nodeProcesses);
  for (const image of NODE_IMAGES) await ensureBaseImage(image);
  await ensureNetwork();
  await ensureCgroup();
  await ensurePki();
  const started: string[] = [];
  await step("starting the Kubernetes node", async () => {
    for (const spec of nodeProcesses) if (await ensureProcess(spec)) started.push(spec.name);
    await waitForNode();
  });
  if (started.length > 0) say(`  started: ${started.join(", ")}`);
  await step("waiting for cluster DNS and volumes", ensureAddons);
  return places.adminKubeconfig;
};
