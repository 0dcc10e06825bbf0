import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { access, readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { freePort } from "../../infra/embedded/engine/testing/free-port.ts";
import type { Precision } from "../../model/precision.ts";
import { bundleService } from "../../service/bundle.ts";
import { FORM_TYPE, formBody } from "./upload-bodies.ts";

const ROOT = resolve(import.meta.dirname, "../..");
/** Below the repository's packages, as the image has it. */
const BUNDLE = join(ROOT, "artifacts/bench/service");
const PEERS = resolve(import.meta.dirname, "peers");
const START_LIMIT_MS = 60_000;
const run = promisify(execFile);

/** A way to serve the model, started anew for each measurement. */
export type ServerKind = {
  readonly name: string;
  readonly command: string;
  readonly args: (port: number) => readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly directory: string;
};

export type RunningServer = {
  readonly url: string;
  /** From the start of the process to the first answered prediction, milliseconds. */
  readonly coldStart: number;
  /** Resident memory of the process and all its children, bytes. */
  memory(): Promise<number>;
  /** Tells it to stop, and waits. @returns its exit code, or the signal that it ended by */
  stop(): Promise<number | NodeJS.Signals | null>;
};

const benchCache = (): string =>
  join(
    process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"),
    "image-classification-platform/bench",
  );

/** What the image sets: the C library's allocator, and the modules that it carries compiled, as Python's environment does. */
const imageEnvironment = async (): Promise<Record<string, string>> => {
  const dockerfile = await readFile(join(ROOT, "service/Dockerfile"), "utf8");
  const [, tunables] = /GLIBC_TUNABLES=(\S+)/.exec(dockerfile) ?? [];
  if (tunables === undefined) throw new Error("service/Dockerfile has no GLIBC_TUNABLES any more");
  return {
    GLIBC_TUNABLES: tunables,
    NODE_COMPILE_CACHE: join(benchCache(), "compile-cache"),
    PROCESS_CONFIG: join(ROOT, "configs"),
  };
};

/** The service as the repository has it, bundled and with the settings as in its image. Peers serve fp32. */
export const service = async (
  model: string,
  precision: Precision = "fp32",
): Promise<ServerKind> => {
  await bundleService(BUNDLE);
  return {
    name: precision === "fp32" ? "service" : "serviceInt8",
    command: process.execPath,
    args: (port) => [
      ...[join(BUNDLE, "main.cjs"), "--model", model, "--precision", precision],
      ...["--port", String(port), "--metrics-port", "0"],
    ],
    env: { DRAIN_DELAY: "0", ...(await imageEnvironment()) },
    directory: ROOT,
  };
};

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

const TUNED = { PEER_THREADS: "2", GLIBC_TUNABLES: "glibc.malloc.hugetlb=1" };

/**
 * FastAPI and uvicorn with two workers, in a virtual environment in the user's cache.
 *
 * @param tuned two threads for endpoints in each worker, and huge pages as the service has them; else as it comes
 */
export const fastApi = async (model: string, tuned: boolean): Promise<ServerKind> => {
  const environment = join(benchCache(), "fastapi");
  const ready = join(environment, "requirements.txt");
  const requirements = await readFile(join(PEERS, "requirements.txt"), "utf8");
  const installed = (await exists(ready)) ? await readFile(ready, "utf8") : "";
  if (installed !== requirements) {
    process.stderr.write("installing FastAPI and its engines (once) …\n");
    await run("python3", ["-m", "venv", "--clear", environment]);
    const pip = join(environment, "bin/pip");
    const from = ["-r", join(PEERS, "requirements.txt")];
    await run(pip, ["install", "--quiet", "--disable-pip-version-check", ...from]);
    await run("cp", [join(PEERS, "requirements.txt"), ready]);
  }
  return {
    name: tuned ? "fastapiTuned" : "fastapi",
    command: join(environment, "bin/uvicorn"),
    args: (port) => [
      ...["fastapi_app:app", "--host", "127.0.0.1", "--port", String(port)],
      ...["--workers", "2", "--log-level", "warning"],
    ],
    env: { MODEL_DIR: model, ...(tuned && TUNED) },
    directory: PEERS,
  };
};

const children = async (pid: number): Promise<number[]> => {
  const list = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
  const direct = list.split(" ").filter(Boolean).map(Number);
  return [pid, ...(await Promise.all(direct.map(children))).flat()];
};

const residentBytes = async (pid: number): Promise<number> => {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
};

const treeMemory = async (pid: number): Promise<number> =>
  (await Promise.all((await children(pid)).map(residentBytes))).reduce((sum, n) => sum + n, 0);

const answers = async (url: string, body: Buffer): Promise<boolean> => {
  try {
    const headers = { "content-type": FORM_TYPE };
    const response = await fetch(`${url}/predict`, {
      method: "POST",
      headers,
      body: new Uint8Array(body),
    });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
};

const end = async (child: ChildProcess): Promise<number | NodeJS.Signals | null> => {
  if (child.exitCode === null && child.signalCode === null) {
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    await ended;
  }
  return child.exitCode ?? child.signalCode;
};

/** Starts a server and waits for its first prediction. */
export const startServer = async (kind: ServerKind, photo: Buffer): Promise<RunningServer> => {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const body = formBody(photo);
  const begun = performance.now();
  const child = spawn(kind.command, kind.args(port), {
    cwd: kind.directory,
    env: { ...process.env, ...kind.env },
    stdio: ["ignore", "ignore", "inherit"],
  });
  while (!(await answers(url, body))) {
    if (child.exitCode !== null) throw new Error(`${kind.name} ended with ${child.exitCode}`);
    if (performance.now() - begun > START_LIMIT_MS) {
      await end(child);
      throw new Error(`${kind.name} gave no answer within ${START_LIMIT_MS / 1000} s`);
    }
    await new Promise((retry) => setTimeout(retry, 5));
  }
  const coldStart = performance.now() - begun;
  return { url, coldStart, memory: () => treeMemory(child.pid ?? 0), stop: () => end(child) };
};
