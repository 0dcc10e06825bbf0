import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { select } from "./selection.ts";

describe.skipIf(process.platform === "win32")("select", () => {
  let directory: string;
  const install = async (name: string, script: string): Promise<void> => {
    const path = join(directory, name);
    await writeFile(path, `#!/bin/sh\n${script}\n`);
    await chmod(path, 0o755);
  };
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "selection-"));
    // Nothing but these programs, and Node.js: no Docker, no Minikube, no Pulumi of the machine.
    vi.stubEnv("PATH", [directory, dirname(process.execPath), "/bin"].join(delimiter));
    for (const name of ["docker", "minikube", "pulumi", "npx"]) await install(name, "exit 1");
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await rm(directory, { recursive: true });
  });

  it("takes the embedded stack and engine where nothing else is", async () => {
    await expect(select({})).resolves.toMatchObject({
      stack: "embedded",
      engine: "embedded",
      cluster: { kind: "embedded" },
      policies: true,
      argoCd: true,
    });
  });

  it("takes Minikube with the CLI that npm brings where Docker and Minikube work", async () => {
    for (const name of ["docker", "minikube", "npx"]) await install(name, "exit 0");
    await expect(select({})).resolves.toMatchObject({
      stack: "dev",
      engine: "cli",
      cli: ["npx", "--yes", expect.stringMatching(/^pulumi@3\./)],
      cluster: { kind: "minikube", profile: "cats-dogs" },
      argoCd: false,
    });
  });

  it("needs a Docker engine that answers, not just its client", async () => {
    await install("minikube", "exit 0");
    await expect(select({})).resolves.toMatchObject({ stack: "embedded" });
  });

  it("obeys STACK and PULUMI_ENGINE", async () => {
    await expect(select({ STACK: "dev", PULUMI_ENGINE: "embedded" })).resolves.toMatchObject({
      stack: "dev",
      stackReason: "asked for by STACK",
      engine: "embedded",
    });
    await expect(select({ STACK: "embedded", PULUMI_ENGINE: "cli" })).resolves.toMatchObject({
      engine: "cli",
    });
  });

  it("prefers an installed Pulumi CLI", async () => {
    await install("pulumi", "exit 0");
    await expect(select({})).resolves.toMatchObject({ engine: "cli", cli: ["pulumi"] });
  });

  it("names the stacks that exist, or the engines", async () => {
    await expect(select({ STACK: "prod" })).rejects.toThrow("take one of: dev, embedded");
    await expect(select({ PULUMI_ENGINE: "terraform" })).rejects.toThrow("cli, embedded or auto");
  });
});
