import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { withLock } from "./lock.ts";
import { identify } from "./process-identity.ts";

vi.mock("node:fs/promises", { spy: true });

describe("withLock", () => {
  let directory: string;
  let path: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "lock-"));
    path = join(directory, "nested", "lock");
  });
  afterEach(() => rm(directory, { recursive: true }));

  const leave = async (content: string): Promise<void> => {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  };

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
    await leave(JSON.stringify({ ...identify(process.pid), startTime: "1" }));
    await expect(withLock(path, "fail", async () => "taken")).resolves.toBe("taken");
  });

  it.each([
    ["wait", ""],
    ["fail", ""],
    ["fail", '{"pid": 12'],
  ] as const)(
    "takes over a file whose content was lost (%s, %j)",
    async (whenHeld, content) => {
      await leave(content);
      await expect(withLock(path, whenHeld, async () => "taken")).resolves.toBe("taken");
      expect(await readdir(dirname(path))).toEqual([]);
    },
    60_000,
  );

  it("does not take over what another has taken over since it looked", async () => {
    await leave(JSON.stringify({ ...identify(process.pid), startTime: "1" }));
    const { readFile: read } =
      await vi.importActual<typeof import("node:fs/promises")>("node:fs/promises");
    const taken = Promise.withResolvers<void>();
    vi.mocked(readFile).mockClear();
    vi.mocked(readFile).mockImplementationOnce(async (file) => {
      const content = await read(file as string, "utf8");
      await taken.promise;
      return content;
    });
    const late = withLock(path, "fail", async () => "in");
    await vi.waitFor(() => expect(readFile).toHaveBeenCalled(), 60_000);
    await withLock(path, "wait", async () => {
      taken.resolve();
      await expect(late).rejects.toThrow(`process ${process.pid}`);
    });
    expect(await readdir(dirname(path))).toEqual([]);
  });
});
