import { Command } from "commander";
import { runMain } from "../console.ts";
import { git } from "../gitops/git.ts";
import { type SetImageOptions, setImage } from "../gitops/set-image.ts";

/** Pushes the current branch. @returns whether the remote lacked anything */
const push = async (directory: string, remote: string): Promise<boolean> => {
  // Asked first: of a push with --porcelain that is refused, the error would not have the reason.
  const report = await git(directory, "push", "--dry-run", "--porcelain", remote, "HEAD");
  if (/^=\t/m.test(report)) return false;
  await git(directory, "push", "--quiet", remote, "HEAD");
  return true;
};

/*
 * `node infra/cli/set-image.ts --overlay embedded --image NAME@sha256:…` makes Argo CD deploy an image: it writes the digest
 * into the overlay, commits as a bot and pushes. A developer runs it here, CI after it has pushed an image.
 */
const program = new Command("set-image")
  .requiredOption("--overlay <name>", "overlay below deploy/overlays")
  .requiredOption("--image <reference>", "image by digest: registry/name@sha256:…")
  .option("--directory <path>", "working copy of the repository that Argo CD watches", ".")
  .option("--remote <name>", "remote to push to", "origin")
  .action(async ({ remote, ...options }: SetImageOptions & { readonly remote: string }) => {
    const committed = await setImage(options);
    // Also without a commit: the push of an earlier run may have failed.
    const pushed = await push(options.directory, remote);
    if (!committed && !pushed) {
      process.stdout.write(`${options.overlay} has this image already; nothing to do\n`);
      return;
    }
    process.stdout.write(`${options.overlay} now has ${options.image}\n`);
  });

await runMain(async () => {
  await program.parseAsync();
});
