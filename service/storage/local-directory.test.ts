import { mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createLocalDirectory } from "./local-directory.ts";
import { createPathSigner } from "./signed-path.ts";
import { createKey } from "./storage.ts";
import { itIsAStorage } from "./testing/storage-contract.ts";

const RETENTION = 60;
const bytes = new Uint8Array(1000);

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "storage-"));
});
afterEach(() => rm(home, { recursive: true }));

const open = (retentionSeconds = RETENTION) =>
  createLocalDirectory({
    directory: join(home, "kept"),
    retentionSeconds,
    signer: createPathSigner({ secret: "s", validSeconds: 10 }),
  });

describe("createLocalDirectory", () => {
  itIsAStorage(async () => open());

  it("names the key in its address, and signs its link", async () => {
    const storage = open();
    expect(await storage.put("a.png", bytes, "image/png")).toBe("/outputs/a.png");
    expect(await storage.signedUrl("a.png")).toMatch(
      /^\/outputs\/a\.png\?expires=\d+&signature=[\w-]{43}$/,
    );
  });

  it("leaves nothing half written", async () => {
    const storage = open();
    const puts = Array.from({ length: 20 }, () => storage.put("a.png", bytes, "image/png"));
    await Promise.all(puts);
    expect(await readdir(join(home, "kept"))).toEqual(["a.png"]);
  });

  // Windows keeps no such modes.
  describe.skipIf(process.platform === "win32")("for itself alone", () => {
    it("makes its directory", async () => {
      await open().put("a.png", bytes, "image/png");
      expect((await stat(join(home, "kept"))).mode & 0o777).toBe(0o700);
    });

    it("writes into a directory that others made, too", async () => {
      const directory = join(home, "kept");
      await mkdir(directory, { mode: 0o755 });
      await open().put("a.png", bytes, "image/png");
      expect((await stat(join(directory, "a.png"))).mode & 0o777).toBe(0o600);
    });
  });

  it("sweeps what is older than the retention, unfinished writes included, and nothing of others", async () => {
    const storage = open();
    expect(await storage.sweep(), "before there is a directory").toBe(0);
    const old = new Date(Date.now() - 2 * RETENTION * 1000);
    const putOld = async (name: string): Promise<void> => {
      const path = join(home, "kept", name);
      await writeFile(path, bytes);
      await utimes(path, old, old);
    };
    const young = createKey("png");
    await storage.put(young, bytes, "image/png");
    await putOld(createKey("jpg"));
    await putOld(`${createKey("png")}.0a1b2c3d-0000-4000-8000-000000000000.tmp`);
    const others = ["README.txt", "holiday.jpg", "labels.json"];
    for (const name of others) await putOld(name);
    expect(await storage.sweep()).toBe(2);
    expect((await readdir(join(home, "kept"))).sort()).toEqual([...others, young].sort());
  });
});
