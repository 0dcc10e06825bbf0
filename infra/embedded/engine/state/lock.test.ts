import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { StackReference } from "./checkpoint.ts";
import { acquireLock } from "./lock.ts";

let reference: StackReference;
let directory: string;
beforeEach(async () => {
  const backendDirectory = await mkdtemp(join(tmpdir(), "lock-"));
  reference = { backendDirectory, project: "cats", stack: "dev" };
  directory = join(backendDirectory, ".pulumi", "locks", "organization", "cats", "dev");
  await mkdir(directory, { recursive: true });
});
afterEach(() => rm(reference.backendDirectory, { recursive: true, force: true }));

const leave = (lock: object): Promise<void> =>
  writeFile(
    join(directory, "other.json"),
    JSON.stringify({ username: "ann", hostname: hostname(), timestamp: "t", ...lock }),
  );

const deadPid = async (): Promise<number> => {
  const child = spawn(process.execPath, ["--version"], { stdio: "ignore" });
  await once(child, "exit");
  return child.pid ?? 0;
};

describe("acquireLock", () => {
  it("keeps a second one out until the first is released", async () => {
    const release = await acquireLock(reference);
    await expect(acquireLock(reference)).rejects.toThrow(
      new RegExp(`locked by .*pid ${process.pid}.*wait`),
    );
    await release();
    await (await acquireLock(reference))();
    expect(await readdir(directory)).toEqual([]);
  });

  it("never lets two in that come at the same moment", async () => {
    const results = await Promise.allSettled(
      Array.from({ length: 5 }, () => acquireLock(reference)),
    );
    expect(results.filter(({ status }) => status === "fulfilled").length).toBeLessThanOrEqual(1);
  });

  it("takes over the lock of a process that no longer runs", async () => {
    await leave({ pid: await deadPid() });
    await (await acquireLock(reference))();
    expect(await readdir(directory)).toEqual([]);
  });

  it("is not fooled by a later process of the same number", async () => {
    await leave({ pid: process.pid, started: "1" });
    await (await acquireLock(reference))();
  });

  it("respects a lock of another machine, and one that the Pulumi CLI took", async () => {
    await leave({ pid: await deadPid(), hostname: "elsewhere" });
    await expect(acquireLock(reference)).rejects.toThrow(/ann@elsewhere/);
    await leave({ pid: process.pid });
    await expect(acquireLock(reference)).rejects.toThrow(/ann@/);
  });

  it("ignores a lock that was never written to its end", async () => {
    await writeFile(join(directory, "half.json"), '{"pid": 12');
    await (await acquireLock(reference))();
  });
});
