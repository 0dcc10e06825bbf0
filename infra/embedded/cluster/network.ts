import { writeFile } from "node:fs/promises";
import { MissingProgram, runCommand, tryCommand } from "../../run-command.ts";
import { BRIDGE, NODE_ADDRESS, POD_CIDR } from "./layout.ts";

const KERNEL_MODULES = ["overlay", "br_netfilter", "nf_conntrack", "veth", "bridge"];

/**
 * Kernel settings without which pods reach nothing: forwarding, and the packet filter on bridged packets, since a pod
 * that answers a Service's packet from the same bridge would bypass its address translation.
 */
const SETTINGS = ["net/ipv4/ip_forward", "net/bridge/bridge-nf-call-iptables"];

/** Creates the node's bridge with its address and turns forwarding on. */
export const ensureNetwork = async (): Promise<void> => {
  // A kernel may have these built in: then modprobe fails and the settings below exist all the same.
  for (const module of KERNEL_MODULES) await tryCommand("modprobe", ["-q", module]);
  for (const setting of SETTINGS) await writeFile(`/proc/sys/${setting}`, "1");
  const shown = await tryCommand("ip", ["-br", "address", "show", "dev", BRIDGE]);
  if (shown.code !== 0) await runCommand("ip", ["link", "add", BRIDGE, "type", "bridge"]);
  if (!shown.stdout.includes(NODE_ADDRESS)) {
    await runCommand("ip", ["address", "replace", `${NODE_ADDRESS}/24`, "dev", BRIDGE]);
  }
  await runCommand("ip", ["link", "set", BRIDGE, "up"]);
};

/** A chain that kube-proxy, kubelet or a CNI plugin made, or a rule in it, to it, or about the pods' addresses. */
const isOurs = (line: string): boolean =>
  /^:(?:KUBE|CNI)-/.test(line) ||
  (line.startsWith("-A ") &&
    (/^-A (?:KUBE|CNI)-/.test(line) ||
      / -[jg] (?:KUBE|CNI)-/.test(line) ||
      line.includes(POD_CIDR)));

/** What `iptables-save` printed, without the cluster's chains and rules. */
export const withoutClusterRules = (saved: string): string =>
  saved
    .split("\n")
    .filter((line) => !isOurs(line))
    .join("\n");

/** Removes what the cluster programmed into the packet filter; rules of other programs stay. */
const cleanPacketFilter = async (iptables: "iptables" | "ip6tables"): Promise<void> => {
  const saved = await tryCommand(`${iptables}-save`, []);
  if (saved.code !== 0 || !/KUBE-|CNI-/.test(saved.stdout)) return;
  const kept = withoutClusterRules(saved.stdout);
  await runCommand(`${iptables}-restore`, [], { input: kept });
};

const removeLinks = async (): Promise<void> => {
  const members = await tryCommand("ip", ["-o", "link", "show", "master", BRIDGE]);
  for (const [, link] of members.stdout.matchAll(/^\d+: ([^@:]+)/gm)) {
    if (link) await tryCommand("ip", ["link", "delete", link]);
  }
  await tryCommand("ip", ["link", "delete", BRIDGE]);
};

/** Removes every rule of the cluster, the bridge and the pods' links. */
export const removeNetwork = async (): Promise<void> => {
  for (const remove of [
    () => cleanPacketFilter("iptables"),
    () => cleanPacketFilter("ip6tables"),
    removeLinks,
  ]) {
    await remove().catch((error: unknown) => {
      // The cluster's start installs what it makes these with: a machine without it has none of them.
      if (!(error instanceof MissingProgram)) throw error;
    });
  }
};
