import { readFile, readlink, stat } from "node:fs/promises";
import { connect, type NetConnectOpts } from "node:net";
import { basename } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { tryCommand } from "../../run-command.ts";
import { UserError } from "../../user-error.ts";

const CAP_SYS_RESOURCE = 24n;
const RELEASED_WITHIN_MS = 5_000;

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

const takesConnections = (target: NetConnectOpts): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(target);
    const done = (open: boolean) => (): void => {
      socket.destroy();
      resolve(open);
    };
    socket.once("connect", done(true)).once("error", done(false)).setTimeout(2_000, done(false));
  });

/** Whether a TCP port of 127.0.0.1 takes connections. */
export const isPortOpen = (port: number): Promise<boolean> =>
  takesConnections({ port, host: "127.0.0.1" });

/** Whether a Unix socket takes connections; a killed process leaves its file behind. */
export const isSocketOpen = (path: string): Promise<boolean> => takesConnections({ path });

/** Addresses of /proc/net/tcp on which 127.0.0.1 is answered: any, loopback, and their IPv6 forms. */
const ANSWERS_LOOPBACK = /^(?:0{8}|[0-9A-F]{6}7F|0{32}|0{24}01000000|0{16}0{4}FFFF[0-9A-F]{6}7F)$/;
const LISTENING = "0A";

/**
 * Whether a process listens on a port of 127.0.0.1. Not the same as a port that answers: kube-proxy's rules forward the
 * service's port without any socket, even when kube-proxy has died.
 */
const hasListener = async (port: number): Promise<boolean> => {
  if (process.platform !== "linux") return isPortOpen(port);
  const wanted = port.toString(16).toUpperCase().padStart(4, "0");
  const tables = await Promise.all(
    ["tcp", "tcp6"].map((name) => readFile(`/proc/net/${name}`, "utf8").catch(() => "")),
  );
  return tables
    .flatMap((table) => table.split("\n").slice(1))
    .some((line) => {
      const [, local = "", , state] = line.trim().split(/\s+/);
      const [address = "", hexPort] = local.split(":");
      return state === LISTENING && hexPort === wanted && ANSWERS_LOOPBACK.test(address);
    });
};

/** The program and id of the process that listens on a port, for an error message; empty when `ss` cannot say. */
const listenerOf = async (port: number): Promise<string> => {
  const { stdout } = await tryCommand("ss", ["-Hltnp", `sport = :${port}`]).catch(() => ({
    stdout: "",
  }));
  const [, thread, id] = /users:\(\("([^"]+)",pid=(\d+)/.exec(stdout) ?? [];
  if (thread === undefined) return "";
  // The socket's owner is a thread, and Node's is called MainThread, whatever it runs.
  const program = await readlink(`/proc/${id}/exe`).then(basename, () => thread);
  return `${program}, process ${id}`;
};

/**
 * Waits for a port of which nobody is known to have it: a process that has ended holds its ports until the last of its threads is
 * gone, which takes a moment on a busy machine.
 *
 * @throws UserError that names the port, what it is for and who has it, when one is taken.
 */
export const requireFreePort = async (port: number, purpose: string): Promise<void> => {
  const until = Date.now() + RELEASED_WITHIN_MS;
  while (await hasListener(port)) {
    const owner = await listenerOf(port);
    if (owner || Date.now() > until) {
      throw new UserError(
        `Port ${port} (${purpose}) is in use${owner && ` by ${owner}`}; stop that program and run again.`,
      );
    }
    await delay(50);
  }
};
