import { mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { eventually } from "../testing/eventually.ts";
import { hashKey } from "./api-keys.ts";
import { watchKeys } from "./watch-keys.ts";

const log = { info: vi.fn(), warn: vi.fn() };
let directory: string;
let stop: (() => void) | undefined;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "keys-"));
  log.info.mockReset();
  log.warn.mockReset();
});
afterEach(async () => {
  stop?.();
  await rm(directory, { recursive: true });
});

const content = (...keys: readonly string[]): string =>
  JSON.stringify({
    keys: keys.map((key) => ({ name: key, scope: "predict", sha256: hashKey(key) })),
  });

it("follows the file as Kubernetes changes it, and keeps what it has when that is broken", async () => {
  // keys.json ─▶ data/keys.json, where `data` is a link that is replaced.
  const publish = async (version: string, text: string): Promise<void> => {
    await writeFile(join(directory, version), text);
    await symlink(version, join(directory, "next"));
    await rename(join(directory, "next"), join(directory, "keys.json"));
  };
  await publish("v1", content("first"));
  const keys = await watchKeys({ file: join(directory, "keys.json"), log, everyMs: 20 });
  stop = keys.stop;
  expect(keys.find("first")?.name).toBe("first");
  expect(keys.find("second")).toBeUndefined();

  await publish("v2", content("second", "third"));
  await eventually(() => expect(keys.find("second")?.name).toBe("second"));
  expect(keys.find("first"), "taken back").toBeUndefined();

  await publish("v3", "not JSON, icp_secret");
  await eventually(() => expect(log.warn).toHaveBeenCalled());
  expect(keys.find("third")?.name).toBe("third");
  expect(String(log.warn.mock.calls)).toMatch(/API_KEYS_FILE=.* is not JSON.* still count/);
  expect(String(log.warn.mock.calls)).not.toContain("icp_secret");

  await publish("v4", content("second", "third"));
  await eventually(() =>
    expect(log.info).toHaveBeenLastCalledWith({ keys: 2 }, "the keys are as before"),
  );
  expect(log.warn, "said once, however often it was looked at").toHaveBeenCalledTimes(1);
});

it("refuses a file that it cannot use from the start", async () => {
  const options = { file: join(directory, "absent.json"), log };
  await expect(watchKeys(options)).rejects.toThrow(/there is no such file/);
});
