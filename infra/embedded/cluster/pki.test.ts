import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isPkiComplete } from "./pki.ts";

describe("isPkiComplete", () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "kubeconfigs-"));
  });
  afterEach(() => rm(directory, { recursive: true }));

  const write = async (...names: readonly string[]): Promise<void> => {
    for (const name of names) await writeFile(join(directory, `${name}.conf`), "");
  };

  it("is false where kubeadm was interrupted after the first kubeconfigs", async () => {
    expect(await isPkiComplete(directory)).toBe(false);
    await write("admin", "super-admin");
    expect(await isPkiComplete(directory)).toBe(false);
  });

  it("is true with all that kubeadm writes", async () => {
    await write("admin", "super-admin", "kubelet", "controller-manager", "scheduler");
    expect(await isPkiComplete(directory)).toBe(true);
  });

  it("is false without the directory", async () => {
    expect(await isPkiComplete(join(directory, "none"))).toBe(false);
  });
});
