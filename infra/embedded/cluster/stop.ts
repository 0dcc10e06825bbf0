import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { step } from "../../console.ts";
import { cacheDirectory } from "../../paths.ts";
import { tryCommand } from "../../run-command.ts";
import { removeCgroup } from "./cgroup.ts";
import { requireRoot } from "./host.ts";
import { CGROUP, NODE_ADDRESS, places } from "./layout.ts";
import { removeNetwork } from "./network.ts";
import { nodeProcesses } from "./node-processes.ts";
import { recordedProcesses, stopProcess } from "./processes.ts";

const processIds = async (): Promise<number[]> =>
  (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);

const readProcess = (pid: number, file: string): Promise<string> =>
  readFile(`/proc/${pid}/${file}`, "utf8").catch(() => "");

/** Containers (by the node's cgroup) and their shims (by our containerd's socket), however they were started. */
const podProcesses = async (): Promise<number[]> => {
  const found: number[] = [];
  for (const pid of await processIds()) {
    const inCgroup = (await readProcess(pid, "cgroup")).includes(`/${CGROUP}/`);
    const isShim = (await readProcess(pid, "cmdline")).includes(places.containerdSocket);
    if (inCgroup || isShim) found.push(pid);
  }
  return found;
};

const killPods = async (): Promise<void> => {
  const until = Date.now() + 20_000;
  for (;;) {
    const pids = await podProcesses();
    if (pids.length === 0 || Date.now() > until) return;
    for (const pid of pids) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It ended between the look and the signal.
      }
    }
    await delay(100);
  }
};

const unmountBelow = async (directory: string): Promise<void> => {
  const table = await readFile("/proc/self/mountinfo", "utf8");
  const points = table
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .filter((point) => point.startsWith(`${directory}/`));
  // Innermost first, which is the reverse of the order in which they were mounted.
  for (const point of points.reverse()) await tryCommand("umount", ["--lazy", point]);
};

/** Network namespaces of our pods: those with a veth whose address lies in the node's range. */
const removeNetworkNamespaces = async (): Promise<void> => {
  const range = NODE_ADDRESS.slice(0, NODE_ADDRESS.lastIndexOf(".") + 1);
  const names = await readdir("/run/netns").catch(() => []);
  for (const name of names.filter((candidate) => candidate.startsWith("cni-"))) {
    const { stdout } = await tryCommand("ip", ["-n", name, "-4", "-br", "address"]);
    if (stdout.includes(` ${range}`)) await tryCommand("ip", ["netns", "delete", name]);
  }
};

/** Files that CNI and the kubelet leave in places of their own choice. */
const removeStrayFiles = async (): Promise<void> => {
  const results = "/var/lib/cni/results";
  for (const file of await readdir(results).catch(() => [])) {
    if (file.startsWith("pods-")) await rm(join(results, file), { force: true });
  }
};

/**
 * Ends the embedded cluster and removes what it made on this machine: processes, mounts, links, packet filter rules,
 * cgroups, data. Works on a healthy, a half-started and a half-stopped cluster; the cache (binaries, images) stays.
 */
export const stopCluster = async (): Promise<void> => {
  requireRoot();
  await step("stopping the Kubernetes node", async () => {
    const names = nodeProcesses.map((spec) => spec.name);
    // Whatever would start pods again goes first.
    for (const name of ["kubelet", "kube-proxy", "containerd"]) await stopProcess(name);
    await killPods();
    for (const name of names.reverse()) await stopProcess(name);
    for (const name of await recordedProcesses()) await stopProcess(name);
    await unmountBelow(places.home);
    await unmountBelow(join(cacheDirectory, "buildah"));
    await removeNetworkNamespaces();
    await removeNetwork();
    await removeCgroup();
    await removeStrayFiles();
    await rm(places.home, { recursive: true, force: true });
  });
};
