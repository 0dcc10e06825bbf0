import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, open, readdir, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { identify, isAlive, type ProcessIdentity } from "../../process-identity.ts";
import { UserError } from "../../user-error.ts";
import { places } from "./layout.ts";

/** A long-running process of the cluster. */
export type ProcessSpec = {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Files that the process reads once, at its start: it is started again when one has changed. */
  readonly configuration?: readonly string[];
  /**
   * How often it may end before it is ready, a second apart, until that counts as a failure: for a process whose own unit file
   * restarts it until what it needs is there.
   *
   * @default 1
   */
  readonly attempts?: number;
  /** True once the process does its work; asked again and again until then. */
  readonly isReady: () => Promise<boolean>;
};

type ProcessRecord = ProcessIdentity & {
  /** Digest of what it was started with. */
  readonly fingerprint: string;
};

const recordPath = (name: string): string => join(places.processes, `${name}.json`);
const logPath = (name: string): string => join(places.logs, `${name}.log`);

const readRecord = async (name: string): Promise<ProcessRecord | undefined> => {
  try {
    return JSON.parse(await readFile(recordPath(name), "utf8")) as ProcessRecord;
  } catch {
    return undefined;
  }
};

const fingerprintOf = async (spec: ProcessSpec): Promise<string> => {
  const hash = createHash("sha256").update(JSON.stringify([spec.args, spec.env]));
  // A link in the binary directory: its target names the version.
  hash.update(await realpath(spec.program).catch(() => spec.program));
  for (const file of spec.configuration ?? []) hash.update(await readFile(file));
  return hash.digest("hex");
};

/** The id of a recorded process that still runs. */
export const runningPid = async (name: string): Promise<number | undefined> => {
  const record = await readRecord(name);
  return record && isAlive(record) ? record.pid : undefined;
};

/** Whether a process runs with just this binary, these flags and this configuration. */
export const runsAs = async (spec: ProcessSpec): Promise<boolean> =>
  (await runningPid(spec.name)) !== undefined &&
  (await readRecord(spec.name))?.fingerprint === (await fingerprintOf(spec));

/** The names of all processes that were ever started here and not stopped. */
export const recordedProcesses = async (): Promise<string[]> => {
  const files = await readdir(places.processes).catch(() => []);
  return files.filter((file) => file.endsWith(".json")).map((file) => file.slice(0, -5));
};

const lastLogLines = async (name: string): Promise<string> => {
  const text = await readFile(logPath(name), "utf8").catch(() => "");
  return text.trim().split("\n").slice(-8).join("\n  ");
};

const READY_WITHIN_MS = 90_000;

/**
 * Starts a process in a session of its own, with its output in a log file, unless it runs as it should; then waits until it
 * is ready. One that runs with another binary, other flags or another configuration is ended first.
 *
 * @returns whether it had to be started
 * @throws UserError with the last lines of its log when it ends or does not become ready
 */
export const ensureProcess = async (spec: ProcessSpec): Promise<boolean> => {
  const fingerprint = await fingerprintOf(spec);
  const running = await runsAs(spec);
  if (!running) {
    await stopProcess(spec.name);
    await start(spec, fingerprint);
  }
  const until = Date.now() + READY_WITHIN_MS;
  let attempts = spec.attempts ?? 1;
  while (!(await spec.isReady())) {
    const gone = (await runningPid(spec.name)) === undefined;
    if (gone && --attempts > 0) {
      await delay(1_000);
      await start(spec, fingerprint);
      continue;
    }
    if (gone || Date.now() > until) {
      throw new UserError(
        `${spec.name} ${gone ? "ended" : "is not ready after 90 s"}; its log ${logPath(spec.name)} ends with:\n  ${await lastLogLines(spec.name)}`,
      );
    }
    await delay(100);
  }
  return !running;
};

const start = async (spec: ProcessSpec, fingerprint: string): Promise<void> => {
  await mkdir(places.processes, { recursive: true });
  await mkdir(places.logs, { recursive: true });
  const log = await open(logPath(spec.name), "a");
  try {
    const child = spawn(spec.program, [...spec.args], {
      detached: true,
      stdio: ["ignore", log.fd, log.fd],
      cwd: places.home,
      env: { ...process.env, ...spec.env },
    });
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve).once("error", () => {
        reject(
          new UserError(`${spec.program} cannot be started; run \`make up\` again to install it.`),
        );
      });
    });
    child.unref();
    const pid = child.pid as number;
    const record: ProcessRecord = { ...identify(pid), fingerprint };
    await writeFile(recordPath(spec.name), JSON.stringify(record));
  } finally {
    await log.close();
  }
};

/** Ends a recorded process: politely, after ten seconds for good. */
export const stopProcess = async (name: string): Promise<void> => {
  const pid = await runningPid(name);
  if (pid !== undefined) {
    process.kill(pid, "SIGTERM");
    const until = Date.now() + 10_000;
    while ((await runningPid(name)) !== undefined) {
      if (Date.now() > until) process.kill(pid, "SIGKILL");
      await delay(50);
    }
  }
  await rm(recordPath(name), { force: true });
};
