import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../user-error.ts";
import { kustomizationOf } from "./deploy-files.ts";
import { git } from "./git.ts";
import { parsePinnedImage, withImage } from "./overlay-image.ts";

/** Which image goes where. */
export type SetImageOptions = {
  /** Working copy of the repository that Argo CD watches. */
  readonly directory: string;
  readonly overlay: string;
  /** The image by digest. */
  readonly image: string;
};

/**
 * Writes an image's digest into an overlay and commits that, and only that, as the bot.
 *
 * @returns whether there was anything to commit: also what an earlier run wrote, and whose commit failed
 * @throws UserError when the image has no digest, or the overlay is not there
 */
export const setImage = async (options: SetImageOptions): Promise<boolean> => {
  const { directory, overlay } = options;
  const image = parsePinnedImage(options.image);
  const path = kustomizationOf(overlay);
  const file = join(directory, path);
  const before = await readFile(file, "utf8").catch(() => {
    throw new UserError(`${file} cannot be read; name a working copy and one of its overlays.`);
  });
  const after = withImage(before, image);
  if (after !== before) await writeFile(file, after);
  if ((await git(directory, "status", "--porcelain", "--", path)) === "") return false;
  const short = image.digest.slice("sha256:".length, "sha256:".length + 12);
  const message = `deploy(${overlay}): ${image.name} ${short}\n\n[skip ci]`;
  await git(directory, "commit", "--quiet", "--message", message, "--", path);
  return true;
};
