import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

export const repository = join(import.meta.dirname, "..", "..");
/** Whether this machine can run the embedded cluster. */
export const possible = process.platform === "linux" && process.getuid?.() === 0;

const APPLICATION = "image-classification-platform";
const stateDirectory = join(
  process.env["XDG_STATE_HOME"] || join(homedir(), ".local", "state"),
  APPLICATION,
);
const cacheDirectory = join(
  process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"),
  APPLICATION,
);

/** Where the stack's state lies: the layout of Pulumi's own file backend. */
export const stateFile = join(
  ...[stateDirectory, "pulumi", ".pulumi", "stacks", APPLICATION, "embedded.json"],
);

/** How a command ended and what it printed. */
export type Outcome = {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
};

/** Starts a command in the repository; `ended` settles when it and everything that holds its output has ended. */
export const start = (
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): { readonly child: ChildProcess; readonly ended: Promise<Outcome> } => {
  const child = spawn(program, args, {
    cwd: repository,
    env: { ...process.env, STACK: "embedded", PULUMI_ENGINE: "embedded", ...env },
    // A group of its own, so that a test can kill all of it.
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  // What takes minutes must be seen to live, in CI too; the answers of other programs are for the tests alone.
  const shown = process.env["CI"] && program === "make";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    if (shown) process.stderr.write(text);
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
    if (shown) process.stderr.write(text);
  });
  const ended = new Promise<Outcome>((resolve, reject) => {
    child.once("error", reject).once("close", (code) => resolve({ code, stdout, stderr }));
  });
  return { child, ended };
};

/** Runs a make target to its end. */
export const make = (target: string, env?: Readonly<Record<string, string>>): Promise<Outcome> =>
  start("make", [target], env).ended;

/** Kills a started command and everything that it started in its group, as a power cut would. */
export const killGroup = (child: ChildProcess): void => {
  if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
};

/** Runs kubectl against the cluster. */
export const kubectl = (...args: string[]): Promise<Outcome> =>
  start(join(cacheDirectory, "bin", "kubectl"), [
    ...["--kubeconfig", join(stateDirectory, "cluster", "kubeconfigs", "super-admin.conf")],
    ...args,
  ]).ended;

/** kubectl's standard output as JSON. */
export const kubectlJson = async <T>(...args: string[]): Promise<T> =>
  JSON.parse((await kubectl(...args, "--output", "json")).stdout) as T;

/** The recorded id of one of the node's processes. */
export const nodeProcess = (name: string): number =>
  JSON.parse(readFileSync(join(stateDirectory, "cluster", "processes", `${name}.json`), "utf8"))
    .pid;

/** What a program printed: nothing where the first `make up` has yet to install it. */
const run = async (program: string, ...args: string[]): Promise<string> => {
  const { stdout } = await start(program, args).ended.catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
    return { stdout: "" };
  });
  return stdout;
};

/** Command lines of all processes of this machine that run from our directories or on our sockets. */
const ourProcesses = (): string[] =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
        const ours = line.includes(stateDirectory) || line.includes(`${cacheDirectory}/bin`);
        return ours ? [line] : [];
      } catch {
        return [];
      }
    });

const cgroups = (directory = "/sys/fs/cgroup", depth = 2): string[] =>
  readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap((entry) => [
      ...(entry.name === APPLICATION ? [join(directory, entry.name)] : []),
      ...(depth > 1 ? cgroups(join(directory, entry.name), depth - 1) : []),
    ]);

/** Ports of the node's processes and of the service: other programs of this machine come and go. */
const OUR_PORTS = /:(?:8080|9090|560[123]|6443|102[45]\d)$/;

/** What a cluster could leave on a machine. Rules are counted without their packet counters. */
export const footprint = async (): Promise<Readonly<Record<string, readonly string[]>>> => {
  const lines = (text: string): string[] => text.split("\n").filter(Boolean).sort();
  return {
    processes: ourProcesses(),
    mounts: lines(readFileSync("/proc/self/mountinfo", "utf8"))
      .map((line) => line.split(" ")[4] ?? "")
      .filter((point) => /image-classification-platform|\/netns\/cni-/.test(point)),
    links: lines(await run("ip", "-br", "link")).map((line) => line.split(" ")[0] ?? ""),
    rules: lines(await run("iptables-save")).filter((line) => /KUBE-|CNI-/.test(line)),
    rules6: lines(await run("ip6tables-save")).filter((line) => /KUBE-|CNI-/.test(line)),
    cgroups: cgroups(),
    ports: lines(await run("ss", "-Hltn"))
      .map((line) => line.split(/\s+/)[3] ?? "")
      .filter((address) => OUR_PORTS.test(address)),
  };
};
