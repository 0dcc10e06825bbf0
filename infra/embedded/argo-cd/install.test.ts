import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";

const directory = await mkdtemp(join(tmpdir(), "install-"));
const kubeconfig = join(directory, "kubeconfig");
vi.stubEnv("XDG_CACHE_HOME", directory);
vi.stubEnv("PATH", [directory, process.env["PATH"]].join(delimiter));
vi.stubEnv("KUBECONFIG", kubeconfig);
const { removeArgoCd } = await import("./install.ts");
const binaries = join(directory, "image-classification-platform", "bin");

const standIn = async (path: string, script: string): Promise<void> => {
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
};
/** @param exit how every command ends that `replies` has nothing for */
const kubectl = (exit: number, replies = ""): Promise<void> =>
  standIn(
    join(binaries, "kubectl"),
    `echo "$*" >> "${directory}/calls"\ncase "$*" in\n${replies}\nesac\nexit ${exit}`,
  );
const calls = async (): Promise<readonly string[]> =>
  (await readFile(join(directory, "calls"), "utf8").catch(() => "")).split("\n").filter(Boolean);

const JOBS = {
  items: [
    { metadata: { name: "training", namespace: "cats-dogs" } },
    {
      metadata: {
        name: "smoke-test",
        namespace: "cats-dogs",
        finalizers: ["argocd.argoproj.io/hook-finalizer", "example.org/kept"],
      },
    },
  ],
};

describe.skipIf(process.platform === "win32")("removeArgoCd", () => {
  beforeAll(async () => {
    await mkdir(binaries, { recursive: true });
    await mkdir(join(directory, "manifests"));
    await writeFile(join(directory, "jobs.json"), JSON.stringify(JOBS));
    await writeFile(
      join(directory, "manifests", "core-install.yaml"),
      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: argocd-cm}\n",
    );
    await standIn(join(directory, "go"), `echo '{"Dir": "${directory}"}'`);
  });
  beforeEach(async () => {
    await rm(join(directory, "calls"), { force: true });
    await writeFile(kubeconfig, "");
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await rm(directory, { recursive: true });
  });

  it("has nothing to remove of a cluster whose kubeconfig is gone, and asks no other", async () => {
    await rm(kubeconfig);
    await kubectl(1);
    await expect(removeArgoCd("10s")).resolves.toBeUndefined();
    expect(await calls()).toEqual([]);
  });

  it("has nothing to remove of a cluster that does not answer", async () => {
    await kubectl(1);
    await expect(removeArgoCd("10s")).resolves.toBeUndefined();
    expect(await calls()).toEqual(["get --raw /version --request-timeout=20s"]);
  });

  it("removes it from a cluster that answers, and lets its hooks' Jobs go", async () => {
    await kubectl(0, `*"get jobs"*) cat "${directory}/jobs.json" ;;`);
    await removeArgoCd("10s");
    expect((await calls()).slice(1)).toEqual([
      expect.stringContaining("delete --ignore-not-found --wait=false -f -"),
      expect.stringContaining("delete pod --selector"),
      expect.stringContaining("get jobs --all-namespaces"),
      expect.stringContaining(
        'patch job smoke-test --namespace cats-dogs --type=merge -p {"metadata":{"finalizers":["example.org/kept"]}}',
      ),
    ]);
  });

  it("says so when a cluster that answers does not let it be removed", async () => {
    await kubectl(1, `*"get --raw"*) exit 0 ;;`);
    await expect(removeArgoCd("10s")).rejects.toThrow("failed (1)");
  });
});
