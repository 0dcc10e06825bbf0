import { Command } from "commander";
import { runMain } from "../console.ts";
import { git } from "../gitops/git.ts";
import { type SetImageOptions, setImage } from "../gitops/set-image.ts";

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
    const changed = await setImage(options);
    if (!changed) {
      process.stdout.write(`${options.overlay} has this image already; nothing to do\n`);
      return;
    }
    await git(options.directory, "push", "--quiet", remote, "HEAD");
    process.stdout.write(`${options.overlay} now has ${options.image}\n`);
  });

await runMain(async () => {
  await program.parseAsync();
});
