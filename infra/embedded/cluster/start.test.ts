import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";

const cache = await mkdtemp(join(tmpdir(), "start-"));
vi.stubEnv("XDG_CACHE_HOME", cache);
let pid: number | undefined = 1;
vi.doMock("./processes.ts", async (original) => ({
  ...(await original<typeof import("./processes.ts")>()),
  runningPid: async () => pid,
}));
const { isClusterHealthy } = await import("./start.ts");
const binaries = join(cache, "image-classification-platform", "bin");

const kubectlSays = async (answer: string): Promise<void> => {
  const kubectl = join(binaries, "kubectl");
  await mkdir(binaries, { recursive: true });
  await writeFile(kubectl, `#!/bin/sh\nprintf '%s' "${answer}"\n`);
  await chmod(kubectl, 0o755);
};

describe.skipIf(process.platform === "win32")("isClusterHealthy", () => {
  afterEach(async () => {
    pid = 1;
    await rm(binaries, { recursive: true, force: true });
  });
  afterAll(() => rm(cache, { recursive: true }));

  it("wants every process to run, and the node to be ready", async () => {
    await kubectlSays("True");
    await expect(isClusterHealthy()).resolves.toBe(true);
    pid = undefined;
    await expect(isClusterHealthy()).resolves.toBe(false);
  });

  it("takes a node for unhealthy that is not ready", async () => {
    await kubectlSays("Unknown");
    await expect(isClusterHealthy()).resolves.toBe(false);
  });

  it("takes a cluster for unhealthy that cannot be asked: the cache is gone, and kubectl with it", async () => {
    await expect(isClusterHealthy()).resolves.toBe(false);
  });
});
