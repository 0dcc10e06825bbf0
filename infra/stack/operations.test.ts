import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { repositoryDirectory } from "../paths.ts";
import type { Operation } from "./operations.ts";
import type { Selection } from "./selection.ts";

/** The Pulumi CLI cannot be had everywhere: a script stands in for it and writes down what it is called with. */
describe.skipIf(process.platform === "win32")("with the Pulumi CLI", () => {
  let directory: string;
  const standIn = async (script: string): Promise<void> => {
    const path = join(directory, "pulumi");
    await writeFile(path, `#!/bin/sh\n${script}\n`);
    await chmod(path, 0o755);
  };
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "operations-"));
    vi.stubEnv("XDG_STATE_HOME", directory);
    vi.stubEnv("PULUMI_CONFIG_PASSPHRASE", "correct horse");
    vi.stubEnv("PULUMI_K8S_DELETE_UNREACHABLE", undefined);
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await rm(directory, { recursive: true });
  });
  beforeEach(async () => {
    await rm(join(directory, "calls"), { force: true });
    await standIn(`echo "$@" >> "${directory}/calls"`);
  });

  const selectionOf = (
    policies: boolean,
    kind: Selection["cluster"]["kind"] = "minikube",
  ): Selection => ({
    ...{
      stack: "dev",
      stackReason: "",
      engine: "cli",
      engineReason: "",
      policies,
      argoCd: false,
      servicePort: 8080,
    },
    ...{ cli: [join(directory, "pulumi")], cluster: { kind, profile: "p" } },
  });
  const callOf = async (
    operation: Operation,
    policies: boolean,
    kind?: Selection["cluster"]["kind"],
  ): Promise<string> => {
    vi.resetModules();
    const { operate } = await import("./operations.ts");
    await operate(selectionOf(policies, kind), operation);
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

  it("drops what was in an embedded cluster that is gone, and of no other cluster anything", async () => {
    await standIn(`echo "$1 \${PULUMI_K8S_DELETE_UNREACHABLE:-false}" >> "${directory}/calls"`);
    expect(await callOf("destroy", true, "embedded")).toBe("destroy true");
    expect(await callOf("up", true, "embedded")).toBe("up false");
    expect(await callOf("destroy", true, "existing")).toBe("destroy false");
  });

  const outputs = async (): Promise<Readonly<Record<string, unknown>>> => {
    vi.resetModules();
    const { outputsOf } = await import("./operations.ts");
    return outputsOf(selectionOf(true));
  };

  it("has no outputs of a stack that nobody made yet", async () => {
    await standIn(`echo "error: no stack named 'dev' found" >&2; exit 255`);
    expect(await outputs()).toEqual({});
  });

  it("reads the outputs of a stack, and says why when it cannot", async () => {
    await standIn(`echo '{"url": "http://127.0.0.1:8080"}'`);
    expect(await outputs()).toEqual({ url: "http://127.0.0.1:8080" });
    await standIn(`echo "error: incorrect passphrase" >&2; exit 255`);
    await expect(outputs()).rejects.toThrow("incorrect passphrase");
  });
});
