import { readFile, stat } from "node:fs/promises";
import { connect } from "node:net";
import { tryCommand } from "../../run-command.ts";
import { UserError } from "../../user-error.ts";

const CAP_SYS_RESOURCE = 24n;

/** The capability that a negative oom_score_adj needs; containers and sandboxes often lack it, even for root. */
export const hasSysResource = async (): Promise<boolean> => {
  const status = await readFile("/proc/self/status", "utf8");
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0";
  return ((BigInt(`0x${effective}`) >> CAP_SYS_RESOURCE) & 1n) === 1n;
};

/** Whether this machine has cgroup v2 alone: then there is one hierarchy, else one for each controller. */
export const hasUnifiedCgroups = (): Promise<boolean> =>
  stat("/sys/fs/cgroup/cgroup.controllers").then(
    () => true,
    () => false,
  );

/** @throws UserError unless this is Linux and the user is root: namespaces, mounts and links need it. */
export const requireRoot = (): void => {
  if (process.platform !== "linux") {
    throw new UserError(
      "The embedded cluster runs on Linux only; use `make up STACK=dev` with Minikube.",
    );
  }
  if (process.getuid?.() !== 0) {
    throw new UserError(
      "The embedded cluster needs root (namespaces, mounts, network links); run as root, or use `make up STACK=dev` with Minikube.",
    );
  }
};

/** Whether something listens on a TCP port of 127.0.0.1. */
export const isPortOpen = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    const done = (open: boolean) => (): void => {
      socket.destroy();
      resolve(open);
    };
    socket.once("connect", done(true)).once("error", done(false)).setTimeout(2_000, done(false));
  });

/** The command line of the process that listens on a port, for an error message; empty when `ss` cannot say. */
const listenerOf = async (port: number): Promise<string> => {
  const { stdout } = await tryCommand("ss", ["-Hltnp", `sport = :${port}`]);
  return /users:\(\("([^"]+)",pid=(\d+)/.exec(stdout)?.slice(1, 3).join(", process ") ?? "";
};

/** @throws UserError that names the port, what it is for and who has it, when one is taken. */
export const requireFreePort = async (port: number, purpose: string): Promise<void> => {
  if (!(await isPortOpen(port))) return;
  const owner = await listenerOf(port);
  throw new UserError(
    `Port ${port} (${purpose}) is in use${owner && ` by ${owner}`}; stop that program and run again.`,
  );
};
