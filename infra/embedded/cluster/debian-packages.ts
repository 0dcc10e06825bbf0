import { say, step } from "../../console.ts";
import { runCommand, tryCommand } from "../../run-command.ts";
import { UserError } from "../../user-error.ts";

/** Names of Debian packages, and what each is for. */
export type DebianPackages = Readonly<Record<string, string>>;

/** What the embedded target takes from Debian. */
export const CLUSTER_PACKAGES: DebianPackages = {
  containerd: "runs the pods",
  runc: "runs the containers",
  "containernetworking-plugins": "gives pods their network",
  buildah: "builds images",
  mmdebstrap: "assembles the Debian base image",
  "busybox-static": "the pause and volume helper images",
  iptables: "kube-proxy and CNI program the packet filter with it",
  conntrack: "kube-proxy forgets stale UDP flows with it",
  iproute2: "creates the node's bridge",
  kmod: "loads kernel modules where they are modules",
};

const isInstalled = async (name: string): Promise<boolean> => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own syntax
  const { stdout } = await tryCommand("dpkg-query", ["-W", "-f", "${db:Status-Status}", name]);
  return stdout === "installed";
};

/**
 * Installs the Debian packages that are missing and names them; with NO_INSTALL=1 only names them.
 *
 * @throws UserError when a package is missing and may not, or cannot, be installed
 */
export const ensureDebianPackages = async (packages: DebianPackages): Promise<void> => {
  const names = Object.keys(packages);
  const flags = await Promise.all(names.map(isInstalled));
  const missing = names.filter((_, index) => !flags[index]);
  if (missing.length === 0) return;
  if (process.env["NO_INSTALL"]) {
    throw new UserError(
      `Missing Debian packages: ${missing.join(" ")}. Install them (apt-get install --no-install-recommends ${missing.join(" ")}) or run without NO_INSTALL.`,
    );
  }
  for (const name of missing) {
    say(`  ${name} is missing (${packages[name]}): it will be installed.`);
  }
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  await step(`installing ${missing.length} Debian packages`, async () => {
    await runCommand("apt-get", ["update", "-qq"], { env });
    await runCommand("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...missing], {
      env,
    });
  });
};
