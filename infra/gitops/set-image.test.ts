import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { repositoryDirectory } from "../paths.ts";
import { runCommand, tryCommand } from "../run-command.ts";
import { git } from "./git.ts";
import { keepImages, parsePinnedImage } from "./overlay-image.ts";

const digest = (digit: string): string => `sha256:${digit.repeat(64)}`;
const FILE = "deploy/overlays/embedded/kustomization.yaml";
const RENDERED = `resources:
  - ../../base
images:
  - name: docker.io/cats-dogs/service
    digest: sha256:to-be-set-by-infra-cli-set-image
`;

let scratch: string;
let copy: string;
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), "set-image-"));
  copy = join(scratch, "copy");
  const remote = join(scratch, "remote.git");
  await mkdir(copy);
  await git(scratch, "init", "--quiet", "--bare", "--initial-branch=main", remote);
  await git(copy, "init", "--quiet", "--initial-branch=main");
  await git(copy, "remote", "add", "origin", remote);
  await mkdir(dirname(join(copy, FILE)), { recursive: true });
  await writeFile(join(copy, FILE), RENDERED);
  await git(copy, "add", "--all");
  await git(copy, "commit", "--quiet", "--message", "first");
  await git(copy, "push", "--quiet", "origin", "HEAD");
});
afterEach(() => rm(scratch, { recursive: true }));

const setImage = (...args: string[]) =>
  tryCommand(process.execPath, [
    join(repositoryDirectory, "infra/cli/set-image.ts"),
    ...["--directory", copy, ...args],
  ]);
const history = async () =>
  (await git(join(scratch, "remote.git"), "log", "--format=%an <%ae> %s", "main"))
    .trim()
    .split("\n");
const imageOf = async () => parse(await readFile(join(copy, FILE), "utf8")).images[0];

describe("set-image", () => {
  it("writes the digest, commits as the bot and pushes; the second time it does nothing", async () => {
    await writeFile(join(copy, "unrelated"), "");
    await git(copy, "add", "unrelated");
    const image = `docker.io/cats-dogs/service:tag@${digest("a")}`;
    const first = await setImage("--overlay", "embedded", "--image", image);
    expect(first.code, first.stderr).toBe(0);
    expect(await imageOf()).toEqual({ name: "docker.io/cats-dogs/service", digest: digest("a") });
    const [last] = await history();
    expect(last).toMatch(
      /^image-classification-platform bot <bot@\S+> deploy\(embedded\): \S+ a{12}$/,
    );
    expect(await runCommand("git", ["-C", copy, "show", "--name-only", "--format="])).toBe(
      `${FILE}\n`,
    );
    const second = await setImage("--overlay", "embedded", "--image", image);
    expect(second.stdout).toContain("nothing to do");
    expect(await history()).toHaveLength(2);
  });

  it("pushes what a rejected push left behind", async () => {
    const other = join(scratch, "other");
    await git(scratch, "clone", "--quiet", join(scratch, "remote.git"), other);
    await git(other, "commit", "--quiet", "--allow-empty", "--message", "of another");
    await git(other, "push", "--quiet", "origin", "HEAD");
    const args = ["--overlay", "embedded", "--image", `docker.io/cats-dogs/service@${digest("a")}`];
    expect((await setImage(...args)).code).toBe(1);
    await git(copy, "pull", "--quiet", "--rebase", "origin", "main");
    const again = await setImage(...args);
    expect(again.code, again.stderr).toBe(0);
    expect(again.stdout).toContain("embedded now has");
    expect((await history())[0]).toContain("deploy(embedded)");
    expect(await history()).toHaveLength(3);
  });

  it("commits what a failed commit left behind", async () => {
    const hook = join(copy, ".git", "hooks", "pre-commit");
    await mkdir(dirname(hook), { recursive: true });
    await writeFile(hook, "#!/bin/sh\nexit 1\n", { mode: 0o755 });
    const args = ["--overlay", "embedded", "--image", `docker.io/cats-dogs/service@${digest("a")}`];
    expect((await setImage(...args)).code).toBe(1);
    await rm(hook);
    const again = await setImage(...args);
    expect(again.code, again.stderr).toBe(0);
    expect((await history())[0]).toContain("deploy(embedded)");
    expect(await git(copy, "status", "--porcelain")).toBe("");
  });

  it("takes an image from another registry, and back", async () => {
    const elsewhere = `ghcr.io/team/service@${digest("b")}`;
    await setImage("--overlay", "embedded", "--image", elsewhere);
    expect(await imageOf()).toMatchObject({ newName: "ghcr.io/team/service", digest: digest("b") });
    await setImage(
      "--overlay",
      "embedded",
      "--image",
      `docker.io/cats-dogs/service@${digest("c")}`,
    );
    expect(await imageOf()).toEqual({ name: "docker.io/cats-dogs/service", digest: digest("c") });
  });

  it.each([
    [
      ["--overlay", "embedded", "--image", "docker.io/cats-dogs/service:latest"],
      "no image by digest",
    ],
    [["--overlay", "nowhere", "--image", `a/b@${digest("a")}`], "cannot be read"],
  ])("refuses %j in one line and commits nothing", async (args, text) => {
    const { code, stderr } = await setImage(...args);
    expect(code).toBe(1);
    expect(stderr).toContain(text);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(await history()).toHaveLength(1);
    expect(await readFile(join(copy, FILE), "utf8")).toBe(RENDERED);
  });
});

describe("parsePinnedImage", () => {
  it.each([
    "service",
    "a/b",
    "a/b:1",
    `a/b@sha256:${"a".repeat(63)}`,
    `a/b@sha256:${"A".repeat(64)}`,
    `a b/c@${digest("a")}`,
  ])("refuses %s", (reference) => {
    expect(() => parsePinnedImage(reference)).toThrow(/is no image by digest/);
  });
  it("leaves the tag out", () => {
    expect(parsePinnedImage(`127.0.0.1:5000/a/b:1.2@${digest("a")}`)).toEqual({
      name: "127.0.0.1:5000/a/b",
      digest: digest("a"),
    });
  });
});

describe("keepImages", () => {
  it("leaves files without images as they are", () => {
    expect(keepImages("kind: Service\n", "kind: Secret\n")).toBe("kind: Service\n");
  });
});
