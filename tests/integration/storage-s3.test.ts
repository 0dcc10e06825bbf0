import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { freePort } from "../../infra/embedded/engine/testing/free-port.ts";
import { ensureTools } from "../../infra/embedded/tools/build.ts";
import { binaryDirectory } from "../../infra/paths.ts";
import { readSettings } from "../../service/settings.ts";
import { openStorage } from "../../service/storage/open-storage.ts";
import { createKey, type Storage } from "../../service/storage/storage.ts";
import { itIsAStorage } from "../../service/storage/testing/storage-contract.ts";
import { eventually } from "../fixtures/eventually.ts";

const KEYS = { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "secret-of-the-test" };
const BUCKET = "outputs";

let home: string;
let server: ChildProcess;
let endpoint: string;
let buckets = 0;

beforeAll(async () => {
  await ensureTools("versitygw");
  home = await mkdtemp(join(tmpdir(), "s3-"));
  await mkdir(join(home, "data"));
  await mkdir(join(home, "attributes"));
  const port = await freePort();
  endpoint = `http://127.0.0.1:${port}`;
  server = spawn(
    join(binaryDirectory, "versitygw"),
    [
      ...["--port", `127.0.0.1:${port}`, "--quiet", "--health", "/health"],
      // What S3 knows beside the bytes: in files, because not every file system has extended attributes.
      ...["posix", "--sidecar", join(home, "attributes"), join(home, "data")],
    ],
    {
      env: { ROOT_ACCESS_KEY: KEYS.AWS_ACCESS_KEY_ID, ROOT_SECRET_KEY: KEYS.AWS_SECRET_ACCESS_KEY },
      stdio: ["ignore", "ignore", "inherit"],
    },
  );
  await vi.waitFor(async () => expect((await fetch(`${endpoint}/health`)).status).toBe(200), {
    timeout: 120_000,
  });
  Object.assign(process.env, KEYS);
});
afterAll(async () => {
  const ended = once(server, "exit");
  server.kill();
  await ended;
  await rm(home, { recursive: true });
});

/** An empty bucket: the gateway's buckets are its directories. */
const open = async (more: Readonly<Record<string, string>> = {}): Promise<Storage> => {
  buckets += 1;
  await mkdir(join(home, "data", `${BUCKET}${buckets}`));
  const opened = await openStorage(
    readSettings({
      STORAGE_S3_BUCKET: `${BUCKET}${buckets}`,
      STORAGE_S3_ENDPOINT: endpoint,
      ...more,
    }),
  );
  if (!opened || opened.signer) throw new Error("another storage was opened");
  return opened.storage;
};
const filesOf = (): Promise<string[]> =>
  readdir(join(home, "data", `${BUCKET}${buckets}`), { recursive: true });
const bytes = new Uint8Array(Buffer.from("picture"));

describe("a storage in S3", () => {
  itIsAStorage(open);

  it("keeps everything below its prefix, and says where", async () => {
    const storage = await open({ STORAGE_S3_PREFIX: "a/b/" });
    expect(await storage.put("x.png", bytes, "image/png")).toBe(
      `s3://${BUCKET}${buckets}/a/b/x.png`,
    );
    expect(await filesOf()).toContain("a/b/x.png");
  });

  it("signs addresses that open with nothing else, until they expire, and no other key", async () => {
    const storage = await open();
    await storage.put("x.png", bytes, "image/png");
    await storage.put("y.png", bytes, "image/png");
    const url = await storage.signedUrl("x.png");
    const response = await fetch(url);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("image/png");
    expect(await response.text()).toBe("picture");
    expect((await fetch(url.replace("x.png", "y.png"))).status).toBe(403);
    expect((await fetch(url.split("?")[0] ?? "")).status).toBe(403);

    const short = await open({ STORAGE_URL_TTL: "1" });
    await short.put("x.png", bytes, "image/png");
    const soon = await short.signedUrl("x.png");
    await eventually(async () => expect((await fetch(soon)).status).toBe(403));
  });

  it("sweeps what is older than the retention, and nothing of others", async () => {
    const storage = await open({ STORAGE_RETENTION: "1" });
    await storage.put("holiday.jpg", bytes, "image/jpeg");
    await storage.put("labels.json", bytes, "application/json");
    const key = createKey("png");
    await storage.put(key, bytes, "image/png");
    await mkdir(join(home, "data", `${BUCKET}${buckets}`, "others"));
    await vi.waitFor(async () => expect(await storage.sweep()).toBe(1), { timeout: 120_000 });
    expect(await storage.get(key)).toBeUndefined();
    // What was there is older than what was swept.
    expect(await storage.get("holiday.jpg")).toBeDefined();
    expect(await storage.get("labels.json")).toBeDefined();
    expect(await filesOf()).toContain("others");
  });

  it("says what is wrong when the server refuses", async () => {
    const storage = await open({ STORAGE_S3_BUCKET: "missing-bucket" });
    await expect(storage.put("x.png", bytes, "image/png")).rejects.toThrow(/bucket/i);
  });
});
