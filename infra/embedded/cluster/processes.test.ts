import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";

const state = await mkdtemp(join(tmpdir(), "processes-"));
vi.stubEnv("XDG_STATE_HOME", state);
const { places } = await import("./layout.ts");
const { ensureProcess, recordedProcesses, runningPid, runsAs, stopProcess } = await import(
  "./processes.ts"
);

const sleeper = (args = ["60"]) => ({
  name: "sleeper",
  program: "/bin/sleep",
  args,
  isReady: async () => true,
});

describe.skipIf(process.platform === "win32")("processes", () => {
  afterEach(() => stopProcess("sleeper"));
  afterAll(() => rm(state, { recursive: true }));

  it("starts a process once and stops it", async () => {
    await expect(ensureProcess(sleeper())).resolves.toBe(true);
    const pid = await runningPid("sleeper");
    await expect(ensureProcess(sleeper())).resolves.toBe(false);
    await expect(runningPid("sleeper")).resolves.toBe(pid);
    await expect(recordedProcesses()).resolves.toEqual(["sleeper"]);
    await stopProcess("sleeper");
    await expect(runningPid("sleeper")).resolves.toBeUndefined();
    await expect(recordedProcesses()).resolves.toEqual([]);
  });

  it("starts a killed process again", async () => {
    await ensureProcess(sleeper());
    const pid = (await runningPid("sleeper")) as number;
    process.kill(pid, "SIGKILL");
    await vi.waitFor(async () => expect(await runningPid("sleeper")).toBeUndefined(), 60_000);
    await expect(ensureProcess(sleeper())).resolves.toBe(true);
    await expect(runningPid("sleeper")).resolves.not.toBe(pid);
  });

  it("starts a process again when its flags or what it reads have changed", async () => {
    const file = join(state, "configuration");
    await writeFile(file, "one");
    const spec = { ...sleeper(), configuration: [file] };
    await ensureProcess(spec);
    await writeFile(file, "two");
    await expect(ensureProcess(spec)).resolves.toBe(true);
    await expect(ensureProcess({ ...spec, args: ["61"] })).resolves.toBe(true);
  });

  it("knows whether a process runs with just these flags", async () => {
    await expect(runsAs(sleeper())).resolves.toBe(false);
    await ensureProcess(sleeper());
    await expect(runsAs(sleeper())).resolves.toBe(true);
    await expect(runsAs(sleeper(["61"]))).resolves.toBe(false);
  });

  it("starts a process again that ends before it is ready, as often as it may", async () => {
    const marker = join(state, "second-try");
    const eventually = {
      name: "sleeper",
      program: "/bin/sh",
      args: ["-c", `[ -e ${marker} ] && exec sleep 60; touch ${marker}; exit 1`],
      attempts: 2,
      isReady: async () => {
        const pid = await runningPid("sleeper");
        if (pid === undefined) return false;
        return (await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "")).trim() === "sleep";
      },
    };
    await expect(ensureProcess(eventually)).resolves.toBe(true);
  });

  it("does not take a stranger with a recorded id for its own", async () => {
    await ensureProcess(sleeper());
    const path = join(places.processes, "sleeper.json");
    const record = JSON.parse(await readFile(path, "utf8"));
    const own = record.pid;
    await writeFile(path, JSON.stringify({ ...record, pid: process.pid }));
    await expect(runningPid("sleeper")).resolves.toBeUndefined();
    process.kill(own, "SIGKILL");
  });

  it("ends with the last lines of the log when a process dies at once", async () => {
    const broken = {
      name: "sleeper",
      program: "/bin/sh",
      args: ["-c", "echo 'bind: address in use' >&2; exit 1"],
      isReady: async () => false,
    };
    await expect(ensureProcess(broken)).rejects.toThrow(/sleeper ended[\s\S]*bind: address in use/);
  });
});
