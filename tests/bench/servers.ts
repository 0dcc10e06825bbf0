import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { freePort } from "../../infra/embedded/engine/testing/free-port.ts";
import type { Precision } from "../../model/precision.ts";
import { imageAllocators } from "../fixtures/image-allocators.ts";
import { openConnection } from "./connection.ts";
import { bundledService } from "./service-bundle.ts";
import { type Protocol, predictRequest } from "./upload-bodies.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const START_LIMIT_MS = 180_000;

/** A way to serve the model, started anew for each measurement. */
export type ServerKind = {
  readonly name: string;
  /** How it is asked. @default "form" */
  readonly protocol?: Protocol;
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
  /** What of it is no mapped file, bytes: the kernel drops pages of files and reads them again as it sees fit. */
  anonymousMemory(): Promise<number>;
  /** Tells it to stop, and waits. @returns its exit code, or the signal that it ended by */
  stop(): Promise<number | NodeJS.Signals | null>;
};

/** What measurements keep for the next time. */
export const benchCache = (): string =>
  join(
    process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"),
    "image-classification-platform/bench",
  );

/** The service as the repository has it, bundled and with the settings as in its image. */
export const service = async (
  model: string,
  precision: Precision = "fp32",
): Promise<ServerKind> => {
  const bundle = await bundledService();
  return {
    name: precision === "fp32" ? "service" : "serviceInt8",
    command: process.execPath,
    args: (port) => [
      ...[join(bundle, "main.cjs"), "--model", model, "--precision", precision],
      ...["--port", String(port), "--metrics-port", "0"],
    ],
    env: {
      ...(await imageAllocators()),
      DRAIN_DELAY: "0",
      // The image carries its modules compiled, as Python's environment does.
      NODE_COMPILE_CACHE: join(benchCache(), "compile-cache"),
      PROCESS_CONFIG: join(ROOT, "configs"),
    },
    directory: ROOT,
  };
};

const children = async (pid: number): Promise<number[]> => {
  const list = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
  const direct = list.split(" ").filter(Boolean).map(Number);
  return [pid, ...(await Promise.all(direct.map(children))).flat()];
};

/** @param field of /proc/PID/status */
const treeMemory = async (pid: number, field: "VmRSS" | "RssAnon"): Promise<number> => {
  const bytes = async (process: number): Promise<number> => {
    const status = await readFile(`/proc/${process}/status`, "utf8").catch(() => "");
    return Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1] ?? 0) * 1024;
  };
  return (await Promise.all((await children(pid)).map(bytes))).reduce((sum, n) => sum + n, 0);
};

/** Whether a server answers a prediction. */
const answers = async (url: string, request: Buffer): Promise<boolean> => {
  const connection = openConnection(url);
  try {
    return (await connection.ask(request)) === 200;
  } finally {
    connection.close();
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
  const request = predictRequest(photo, kind.protocol);
  const begun = performance.now();
  const child = spawn(kind.command, kind.args(port), {
    cwd: kind.directory,
    env: { ...process.env, ...kind.env },
    stdio: ["ignore", "ignore", "inherit"],
  });
  while (!(await answers(url, request))) {
    if (child.exitCode !== null) throw new Error(`${kind.name} ended with ${child.exitCode}`);
    if (performance.now() - begun > START_LIMIT_MS) {
      await end(child);
      throw new Error(`${kind.name} gave no answer within ${START_LIMIT_MS / 1000} s`);
    }
    await new Promise((retry) => setTimeout(retry, 5));
  }
  const coldStart = performance.now() - begun;
  const pid = child.pid ?? 0;
  return {
    ...{ url, coldStart },
    memory: () => treeMemory(pid, "VmRSS"),
    anonymousMemory: () => treeMemory(pid, "RssAnon"),
    stop: () => end(child),
  };
};
