import { digestOf } from "../model/digest.ts";
import { ImageError } from "../model/image-error.ts";
import { decodeByLibvips } from "../model/preprocessing.ts";
import type { Preprocessing } from "../model/preprocessing-settings.ts";
import { mapConcurrent } from "./map-concurrent.ts";
import type { Progress } from "./progress.ts";
import type { Photo, Source } from "./sources/source.ts";
import { UserError } from "./user-error.ts";

/** A picture that was read once and is known to decode. */
export type Example = Photo & {
  /** SHA-256 of the file. */
  readonly digest: string;
  /** SHA-256 of the pixels, scaled for the network by libvips: equal for copies, whatever their metadata or lossless compression. */
  readonly pixelDigest: string;
};

/** A file that was left out, and why. */
export type Skipped = { readonly id: string; readonly reason: string };

/** Pictures read ahead; decoding runs on libuv's four threads. */
const CONCURRENCY = 4;

/**
 * Reads every picture once, to leave out what does not decode and to find equal ones.
 *
 * @throws UserError when fewer than two classes remain
 */
export const inspectPhotos = async (
  source: Source,
  settings: Preprocessing,
  progress: Progress,
): Promise<{ readonly examples: Example[]; readonly skipped: Skipped[] }> => {
  let done = 0;
  const results = await mapConcurrent(
    source.photos,
    CONCURRENCY,
    async (photo): Promise<Example | Skipped> => {
      try {
        const bytes = await photo.read();
        const pixels = await decodeByLibvips(bytes, settings);
        return { ...photo, digest: digestOf(bytes), pixelDigest: digestOf(pixels) };
      } catch (error) {
        if (!(error instanceof ImageError)) throw error;
        return { id: photo.id, reason: error.message };
      } finally {
        progress.update(++done);
      }
    },
  );
  progress.finish();
  const examples = results.filter((result) => "digest" in result);
  const skipped = results.filter((result) => "reason" in result);
  if (new Set(examples.map(({ label }) => label)).size < 2) {
    throw new UserError(
      `${skipped.length} of ${results.length} pictures cannot be decoded and fewer than two classes remain; check the files.`,
    );
  }
  return { examples, skipped };
};
