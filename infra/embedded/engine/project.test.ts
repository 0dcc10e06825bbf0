import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openConfig, readProject } from "./project.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "project-"));
  await mkdir(join(root, "infra"));
  await writeFile(join(root, "infra", "index.ts"), "");
});
afterEach(() => rm(root, { recursive: true, force: true }));

const RUNTIME = "runtime: {name: nodejs, options: {typescript: false}}\n";
const write = (name: string, text: string): Promise<void> => writeFile(join(root, name), text);

describe("readProject", () => {
  it("takes a folder as main for the working directory, as the CLI does", async () => {
    await write("Pulumi.yaml", `name: cats\n${RUNTIME}main: infra\n`);
    await write("Pulumi.dev.yaml", "");
    expect(await readProject(root, "dev")).toMatchObject({
      name: "cats",
      workingDirectory: join(root, "infra"),
      entryPoint: ".",
    });
    await write("Pulumi.yaml", `name: cats\n${RUNTIME}main: infra/index.ts\n`);
    expect(await readProject(root, "dev")).toMatchObject({
      workingDirectory: join(root, "infra"),
      entryPoint: "index.ts",
    });
  });

  it("merges defaults and settings, and completes their names", async () => {
    await write(
      "Pulumi.yaml",
      `name: cats\n${RUNTIME}config:\n  size: {type: integer, default: 3}\n  color: red\n  open: {type: string}\n`,
    );
    await write("Pulumi.dev.yaml", "config:\n  cats:color: blue\n  kubernetes:context: mine\n");
    expect((await readProject(root, "dev")).config).toEqual({
      "cats:size": 3,
      "cats:color": "blue",
      "kubernetes:context": "mine",
    });
  });

  it.each([
    ["Pulumi.yaml", "name: cats\nruntime: python\n", /runtime/],
    ["Pulumi.yaml", "name: cats\nruntime: nodejs\n", /typescript: false/],
    ["Pulumi.yaml", `name: cats\n${RUNTIME}main: nowhere\n`, /there is no .*nowhere/],
    ["Pulumi.yaml", "name: [", /Pulumi.yaml is not valid/],
    ["Pulumi.dev.yaml", "secretsprovider: awskms://x\n", /knows only passphrase/],
  ])("refuses %s with %j", async (name, text, message) => {
    await write("Pulumi.yaml", `name: cats\n${RUNTIME}`);
    await write("Pulumi.dev.yaml", "");
    await write(name, text);
    await expect(readProject(root, "dev")).rejects.toThrow(message);
  });

  it("names the file that is missing", async () => {
    await write("Pulumi.yaml", `name: cats\n${RUNTIME}`);
    await expect(readProject(root, "other")).rejects.toThrow(/Pulumi\.other\.yaml cannot be read/);
  });
});

describe("openConfig", () => {
  it("makes every value text, and knows which are secret at any depth", async () => {
    await write("Pulumi.yaml", `name: cats\n${RUNTIME}`);
    await write(
      "Pulumi.dev.yaml",
      [
        ...["config:", "  cats:count: 2", "  cats:on: true", "  cats:token: {secure: 'v1:a:b'}"],
        ...["  cats:login: {user: ann, password: {secure: 'v1:c:d'}}", "  cats:list: [1, x]"],
      ].join("\n"),
    );
    const config = openConfig(await readProject(root, "dev"), (text) => `opened ${text}`);
    expect(config).toEqual({
      values: {
        "cats:count": "2",
        "cats:on": "true",
        "cats:token": "opened v1:a:b",
        "cats:login": '{"user":"ann","password":"opened v1:c:d"}',
        "cats:list": '[1,"x"]',
      },
      secretKeys: ["cats:token", "cats:login"],
    });
  });
});
