import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const repository = join(import.meta.dirname, "..", "..");
const isRoot = process.platform === "linux" && process.getuid?.() === 0;
const withoutRoot = isRoot ? "" : " (skipped: only root can take tools and rights away)";
const nodeDirectory = dirname(process.execPath);

type Setting = { readonly env?: Readonly<Record<string, string>>; readonly uid?: number };

const NOBODY = 65_534;
const asNobody = { uid: NOBODY, gid: NOBODY };
/** A checkout in a directory that is root's alone, such as root's home, cannot be tried as anybody else. */
const unreachable =
  isRoot && spawnSync(process.execPath, ["--version"], asNobody).error
    ? " (skipped: only root reaches this checkout)"
    : "";

/*
 * What a machine can lack. Each gives one line that says what to do, a non-zero exit, and leaves nothing half-made.
 */
describe.skipIf(withoutRoot)(`what a machine can lack${withoutRoot}`, () => {
  let work: string;
  beforeEach(() => {
    work = mkdtempSync(join(tmpdir(), "prerequisites-"));
    chmodSync(work, 0o777);
  });
  afterEach(() => {
    rmSync(work, { recursive: true, force: true });
  });

  const run = (args: readonly string[], { env = {}, uid }: Setting = {}) => {
    const result = spawnSync(process.execPath, args, {
      cwd: repository,
      encoding: "utf8",
      env: {
        ...process.env,
        XDG_CACHE_HOME: join(work, "cache"),
        XDG_STATE_HOME: join(work, "state"),
        ...env,
      },
      ...(uid !== undefined && { uid, gid: uid }),
    });
    const errors = result.stderr.split("\n").filter((line) => line.startsWith("error: "));
    return { code: result.status, errors, stderr: result.stderr };
  };

  const tools = (): string[] => {
    const directory = join(work, "cache", "image-classification-platform", "tools");
    try {
      return readdirSync(directory);
    } catch {
      return [];
    }
  };

  it.skipIf(unreachable)(`root${unreachable}`, () => {
    const { code, errors, stderr } = run(["infra/cli/cluster.ts", "start"], { uid: NOBODY });
    expect(code, stderr).toBe(1);
    expect(errors).toEqual([expect.stringContaining("needs root")]);
    expect(stderr).not.toContain("    at ");
  });

  it("a Debian package, when none may be installed", () => {
    const bin = join(work, "bin");
    mkdirSync(bin);
    // A package database without a package.
    writeFileSync(join(bin, "dpkg-query"), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
    const { code, errors } = run(["infra/cli/cluster.ts", "start"], {
      env: { NO_INSTALL: "1", PATH: [bin, process.env["PATH"]].join(delimiter) },
    });
    expect(code).toBe(1);
    expect(errors).toEqual([
      expect.stringMatching(/Missing Debian packages: containerd runc .*apt-get install/),
    ]);
  });

  it("Go", () => {
    const { code, errors } = run(["infra/cli/build-tools.ts", "actionlint"], {
      env: { PATH: nodeDirectory },
    });
    expect(code).toBe(1);
    expect(errors).toEqual(["error: go is not installed; install it or add it to PATH."]);
    expect(tools()).toEqual([]);
  });

  it("a network", () => {
    const { code, errors, stderr } = run(["infra/cli/build-tools.ts", "actionlint"], {
      env: { GOPROXY: "off", GOMODCACHE: join(work, "modules") },
    });
    expect(code).toBe(1);
    expect(errors).toHaveLength(1);
    expect(stderr).toContain("module lookup disabled by GOPROXY=off");
    expect(tools()).toEqual([]);
  });

  it("room on the disk", () => {
    const cache = join(work, "cache");
    mkdirSync(cache);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", cache]);
    try {
      // Go's own cache, which follows XDG_CACHE_HOME, stays where there is room.
      const GOCACHE = execFileSync("go", ["env", "GOCACHE"], { encoding: "utf8" }).trim();
      const { code, errors, stderr } = run(["infra/cli/build-tools.ts", "actionlint"], {
        env: { GOCACHE },
      });
      expect(code).toBe(1);
      expect(errors).toHaveLength(1);
      expect(stderr).toContain("no space left on device");
      expect(tools()).toEqual([]);
    } finally {
      execFileSync("umount", [cache]);
    }
  });
});
