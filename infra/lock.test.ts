import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { withLock } from "./lock.ts";
import { identify } from "./process-identity.ts";

describe("withLock", () => {
  let directory: string;
  let path: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "lock-"));
    path = join(directory, "nested", "lock");
  });
  afterEach(() => rm(directory, { recursive: true }));

  it("names this process while the work runs and leaves no file behind", async () => {
    const holder = await withLock(path, "fail", async () =>
      JSON.parse(await readFile(path, "utf8")),
    );
    expect(holder.pid).toBe(process.pid);
    await expect(readFile(path)).rejects.toThrow("ENOENT");
  });

  it("frees the lock when the work fails", async () => {
    const work = withLock(path, "fail", () => Promise.reject(new Error("broken")));
    await expect(work).rejects.toThrow("broken");
    await expect(withLock(path, "fail", async () => "again")).resolves.toBe("again");
  });

  it("fails at once, naming the holder, when a living process holds it", async () => {
    await withLock(path, "fail", async () => {
      const second = withLock(path, "fail", async () => "never");
      await expect(second).rejects.toThrow(`process ${process.pid}`);
    });
  });

  it("lets waiters in one after the other", async () => {
    const order: string[] = [];
    const enter = (name: string) =>
      withLock(path, "wait", async () => {
        order.push(`${name} in`);
        await new Promise(setImmediate);
        order.push(`${name} out`);
      });
    await Promise.all([enter("a"), enter("b"), enter("c")]);
    expect(order).toHaveLength(6);
    for (let i = 0; i < 6; i += 2) {
      expect(order[i + 1]).toBe(order[i]?.replace("in", "out"));
    }
  });

  it("takes over from a holder whose id now belongs to another process", async () => {
    await withLock(path, "fail", async () => undefined);
    await writeFile(path, JSON.stringify({ ...identify(process.pid), startTime: "1" }));
    await expect(withLock(path, "fail", async () => "taken")).resolves.toBe("taken");
  });
});
