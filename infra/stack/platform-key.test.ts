import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";

const directory = await mkdtemp(join(tmpdir(), "platform-key-"));
vi.stubEnv("XDG_CACHE_HOME", directory);
vi.stubEnv("PATH", [directory, process.env["PATH"]].join(delimiter));
const { readPlatformKey } = await import("./platform-key.ts");

const stack = {
  ...{ url: "http://127.0.0.1:8080", namespace: "cats-dogs", kubeconfig: "/nowhere" },
  ...{ context: undefined, application: undefined },
};
const place = { secret: "platform-api-key", key: "key" };
const kubectl = async (script: string): Promise<void> => {
  const path = join(directory, "kubectl");
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
};

describe.skipIf(process.platform === "win32")("readPlatformKey", () => {
  afterAll(async () => {
    vi.unstubAllEnvs();
    await rm(directory, { recursive: true });
  });

  it("reads the key from its Secret, and none where the service asks for none", async () => {
    await kubectl(`printf '%s' '${Buffer.from("icp_1").toString("base64")}'`);
    await expect(readPlatformKey(stack, place)).resolves.toBe("icp_1");
    await expect(readPlatformKey(stack, null)).resolves.toBeUndefined();
  });

  it.each([
    ["is there without it", "exit 0"],
    [
      "is gone",
      `case "$*" in *--ignore-not-found*) exit 0 ;; esac\necho 'Error from server (NotFound)' >&2\nexit 1`,
    ],
  ])("says what makes another key when the Secret %s", async (_, script) => {
    await kubectl(script);
    await expect(readPlatformKey(stack, place)).rejects.toThrow(
      /^the Secret platform-api-key is gone or has no key, .* take service\.access\.keys out .* put it back/,
    );
  });
});
