import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { repositoryDirectory } from "../paths.ts";
import type { Operation } from "./operations.ts";
import type { Selection } from "./selection.ts";

/** The Pulumi CLI cannot be had everywhere: a script stands in for it and writes down what it is called with. */
describe.skipIf(process.platform === "win32")("operate, with the Pulumi CLI", () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "operations-"));
    vi.stubEnv("XDG_STATE_HOME", directory);
    vi.stubEnv("PULUMI_CONFIG_PASSPHRASE", "correct horse");
    const script = join(directory, "pulumi");
    await writeFile(script, `#!/bin/sh\necho "$@" >> "${directory}/calls"\n`);
    await chmod(script, 0o755);
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await rm(directory, { recursive: true });
  });
  beforeEach(() => rm(join(directory, "calls"), { force: true }));

  const callOf = async (operation: Operation, policies: boolean): Promise<string> => {
    vi.resetModules();
    const { operate } = await import("./operations.ts");
    const selection: Selection = {
      ...{
        stack: "dev",
        stackReason: "",
        engine: "cli",
        engineReason: "",
        policies,
        argoCd: false,
        servicePort: 8080,
      },
      ...{ cli: [join(directory, "pulumi")], cluster: { kind: "minikube", profile: "p" } },
    };
    await operate(selection, operation);
    const calls = (await readFile(join(directory, "calls"), "utf8")).trim().split("\n");
    return calls.at(-1) ?? "";
  };
  const pack = join(repositoryDirectory, "infra", "policy");

  it("judges a preview and an update, and previews the update first", async () => {
    expect(await callOf("preview", true)).toBe(`preview --stack dev --diff --policy-pack ${pack}`);
    expect(await callOf("up", true)).toBe(`up --stack dev --yes --policy-pack ${pack}`);
  });

  it("does neither where the stack switches policies off, nor for a destroy", async () => {
    expect(await callOf("preview", false)).toBe("preview --stack dev --diff");
    expect(await callOf("up", false)).toBe("up --stack dev --yes --skip-preview");
    expect(await callOf("destroy", true)).toBe("destroy --stack dev --yes --skip-preview");
  });
});
