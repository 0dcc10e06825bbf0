import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Command } from "commander";
import { runMain, step } from "../console.ts";
import {
  DEPLOY_DIRECTORY,
  renderDeployFiles,
  staleFiles,
  writeDeployFiles,
} from "../gitops/deploy-files.ts";
import { git, tryGit } from "../gitops/git.ts";
import { setImage } from "../gitops/set-image.ts";
import { repositoryDirectory } from "../paths.ts";
import { UserError } from "../user-error.ts";

type Options = { readonly repository: string; readonly overlay: string; readonly image: string };

const BRANCH = "main";

const PATIENCE_MS = 30_000;

/** Fetches, as soon as the server answers: its Service's port opens on the machine seconds after the Service is made. */
const fetchPatiently = async (directory: string): Promise<void> => {
  const until = Date.now() + PATIENCE_MS;
  while (Date.now() < until) {
    if ((await tryGit(directory, "fetch", "--quiet", "origin")).code === 0) return;
    await delay(500);
  }
  await git(directory, "fetch", "--quiet", "origin");
};

/** A working copy of the repository, also of one without a commit. */
const clone = async (repository: string, directory: string): Promise<void> => {
  await git(directory, "init", "--quiet", `--initial-branch=${BRANCH}`);
  await git(directory, "remote", "add", "origin", repository);
  await fetchPatiently(directory);
  const known = await tryGit(directory, "rev-parse", "--verify", "--quiet", `origin/${BRANCH}`);
  if (known.code === 0) await git(directory, "reset", "--quiet", "--hard", `origin/${BRANCH}`);
};

const push = async ({ repository, overlay, image }: Options): Promise<string> => {
  const rendered = await renderDeployFiles();
  const stale = await staleFiles(repositoryDirectory, rendered);
  if (stale.length > 0) {
    throw new UserError(
      `deploy/ is not what the components say now (${stale[0]}); run \`make render\`.`,
    );
  }
  const directory = await mkdtemp(join(tmpdir(), "deploy-"));
  try {
    await clone(repository, directory);
    const written = await writeDeployFiles(directory, rendered);
    if (written.length > 0) {
      await git(directory, "add", "--all", DEPLOY_DIRECTORY);
      await git(
        directory,
        "commit",
        "--quiet",
        "--message",
        `deploy: as rendered (${written.length} files)`,
      );
    }
    await setImage({ directory, overlay, image });
    await git(directory, "push", "--quiet", "origin", `HEAD:${BRANCH}`);
    return (await git(directory, "rev-parse", "HEAD")).trim();
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
};

/*
 * `node infra/cli/push-deploy.ts …` brings deploy/ and a built image's digest into the repository that Argo CD watches, and
 * prints the commit. The program's deploy-repository component runs it as its create.
 */
const program = new Command("push-deploy")
  .requiredOption("--repository <url>", "repository to push to")
  .requiredOption("--overlay <name>", "overlay that gets the image")
  .requiredOption("--image <reference>", "image by digest")
  .action(async (options: Options) => {
    const commit = await step(`pushing deploy/ to ${options.repository}`, () => push(options));
    process.stdout.write(`${commit}\n`);
  });

await runMain(async () => {
  await program.parseAsync();
});
