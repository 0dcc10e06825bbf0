import { cp, mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { workspaceDigest } from "./container-image.ts";
import { sourceDigest } from "./source-digest.ts";

describe("sourceDigest", () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "sources-"));
    await mkdir(join(directory, "src", "deep"), { recursive: true });
    await writeFile(join(directory, "src", "a.ts"), "a");
    await writeFile(join(directory, "src", "deep", "b.ts"), "b");
    await writeFile(join(directory, ".npmrc"), "x=1");
  });
  afterEach(() => rm(directory, { recursive: true }));

  const digest = (at = directory, include = ["src/**", ".npmrc", "missing.json"]) =>
    sourceDigest({ directory: at, include, exclude: ["**/*.test.ts", "**/node_modules"] });

  it("is known: SHA-256 over the sorted lines of name, NUL and SHA-256 of the content", async () => {
    // printf '.npmrc\0%s\nsrc/a.ts\0%s\nsrc/deep/b.ts\0%s\n' $(for c in x=1 a b; do printf $c | sha256sum | cut -c1-64; done) | sha256sum
    expect(digest()).toBe("f896269ca5cd7e7dc9df3459de932d4297d6dba5d810b49e7c022d09dbc77620");
  });

  it("is the same elsewhere, later, and for files that do not count", async () => {
    const first = digest();
    await writeFile(join(directory, "src", "a.test.ts"), "test");
    await mkdir(join(directory, "src", "node_modules", "left-pad"), { recursive: true });
    await writeFile(join(directory, "src", "node_modules", "left-pad", "index.js"), "pad");
    await writeFile(join(directory, "src", ".DS_Store"), "desktop");
    await utimes(join(directory, "src", "a.ts"), 1, 1);
    expect(digest()).toBe(first);
    const copy = `${directory}-copy`;
    await cp(directory, copy, { recursive: true });
    expect(digest(copy)).toBe(first);
    await rm(copy, { recursive: true });
  });

  it("does not depend on the order or overlap of the globs", () => {
    expect(digest(directory, [".npmrc", "src/deep/**", "src/**"])).toBe(digest());
  });

  it.each([
    ["a changed file", () => writeFile(join(directory, "src", "a.ts"), "A")],
    ["a new file", () => writeFile(join(directory, "src", "c.ts"), "")],
    ["a removed file", () => rm(join(directory, "src", "a.ts"))],
    [
      "a moved file",
      async () => {
        await cp(join(directory, "src", "a.ts"), join(directory, "src", "z.ts"));
        await rm(join(directory, "src", "a.ts"));
      },
    ],
  ])("changes with %s", async (_, change) => {
    const first = digest();
    await change();
    expect(digest()).not.toBe(first);
  });
});

describe("workspaceDigest", () => {
  it("differs between images and is stable", () => {
    expect(workspaceDigest("service")).not.toBe(workspaceDigest("training"));
    expect(workspaceDigest("service")).toBe(workspaceDigest("service"));
  });
});
