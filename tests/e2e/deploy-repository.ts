import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { make, type Outcome, start } from "./support.ts";

/** The cluster's own Git repository, from this machine. */
export const GIT = "git://127.0.0.1:8094/platform.git";
/** The overlay's part that tests change. */
export const DEPLOYMENT = "deploy/overlays/embedded/deployment-api.yaml";

/** A working copy of what Argo CD deploys. */
export type DeployRepository = {
  readonly directory: string;
  /** Runs git there, which must succeed. @returns what it printed */
  readonly git: (...args: string[]) => Promise<string>;
  /** Runs git there. */
  readonly tryGit: (...args: string[]) => Promise<Outcome>;
  /** Commits everything and pushes it. @returns the commit */
  readonly commit: (message: string) => Promise<string>;
  /** Changes a file, which must not be as before. */
  readonly edit: (path: string, change: (text: string) => string) => Promise<void>;
  /** Pushes what was there at the start, has it deployed, and removes the copy. */
  readonly restore: () => Promise<void>;
};

/** Gives the service one more variable: pods with another spec. */
export const withVariable =
  (name: string, value: string) =>
  (text: string): string =>
    text.replace(
      "          env:\n",
      `          env:\n            - name: ${name}\n              value: "${value}"\n`,
    );

/** Clones the repository that Argo CD watches. */
export const openDeployRepository = async (): Promise<DeployRepository> => {
  const directory = await mkdtemp(join(tmpdir(), "deploy-repository-"));
  const tryGit = (...args: string[]): Promise<Outcome> =>
    start("git", [
      ...["-C", directory, "-c", "user.name=Ada", "-c", "user.email=ada@example.org"],
      ...args,
    ]).ended;
  const git = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await tryGit(...args);
    expect(code, stderr).toBe(0);
    return stdout.trim();
  };
  await git("clone", "--quiet", GIT, ".");
  const first = await git("rev-parse", "HEAD");
  const commit = async (message: string): Promise<string> => {
    await git("commit", "--quiet", "--all", "--message", message);
    await git("push", "--quiet", "origin", "HEAD:main");
    return git("rev-parse", "HEAD");
  };
  return {
    directory,
    git,
    tryGit,
    commit,
    edit: async (path, change) => {
      const file = join(directory, path);
      const before = await readFile(file, "utf8");
      const after = change(before);
      expect(after).not.toBe(before);
      await writeFile(file, after);
    },
    restore: async () => {
      await git("checkout", "--quiet", first, "--", "deploy");
      if (await git("status", "--porcelain")) {
        await commit("as it was before the tests");
        const sync = await make("sync");
        expect(sync.code, sync.stderr).toBe(0);
      }
      await rm(directory, { recursive: true });
    },
  };
};
