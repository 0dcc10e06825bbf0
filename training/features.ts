import { join } from "node:path";
import { digestOf } from "../model/digest.ts";
import { decodePixels } from "../model/preprocessing.ts";
import type { Preprocessing } from "../model/preprocessing-settings.ts";
import { decodeAugmented } from "./augmentation.ts";
import { EMBEDDING, EMBEDDING_SIZE } from "./backbone/efficientnet-lite0.ts";
import { openBackbone } from "./backbone/session.ts";
import { openFeatureCache } from "./feature-cache.ts";
import type { Example } from "./inspect.ts";
import { createProgress } from "./progress.ts";
import { createRandom } from "./random.ts";

/** One picture as numbers. View 0 is what the service sees; views above are augmented. */
export type View = { readonly example: Example; readonly view: number };

/** What decides the embeddings, and where they are kept. */
export type FeatureOptions = {
  readonly backbone: Uint8Array;
  readonly preprocessing: Preprocessing;
  readonly seed: number;
  readonly cache: string;
  /** Threads for ONNX Runtime; explicit, because its default ignores a container's limit. */
  readonly threads: number;
};

const BATCH = 16;
/** Raise this when decoding or augmentation changes, so that cached embeddings of older code are not used. */
const PIXELS_VERSION = 3;

/**
 * Embeddings of pictures, in order, each of `EMBEDDING_SIZE` numbers. Embeddings of equal content and settings are
 * computed once and kept on disk.
 *
 * @param stage what progress calls this
 * @throws ImageError when a picture no longer decodes
 */
export const embedViews = async (
  stage: string,
  views: readonly View[],
  options: FeatureOptions,
): Promise<Float32Array[]> => {
  const { preprocessing, seed } = options;
  const settings = digestOf(
    JSON.stringify([digestOf(options.backbone), preprocessing, PIXELS_VERSION]),
  ).slice(7, 23);
  const path = join(options.cache, "features", `${settings}.bin`);
  const cache = await openFeatureCache(path, EMBEDDING_SIZE);
  const keyOf = ({ example, view }: View): string =>
    view === 0 ? example.digest : `${example.digest} ${seed} ${view}`;
  const missing = views.filter((view) => cache.get(keyOf(view)) === undefined);

  const decode = async ({ example, view }: View, bytes: Uint8Array): Promise<Uint8Array> => {
    if (view === 0) return decodePixels(bytes, preprocessing);
    const random = createRandom("augmentation", seed, example.digest, view);
    return decodeAugmented(bytes, preprocessing, random);
  };
  const decodeBatch = (start: number): Promise<Uint8Array[]> => {
    // Views of one picture follow each other: it is read (or drawn) once for all of them.
    const reads = new Map<string, Promise<Uint8Array>>();
    const work = missing.slice(start, start + BATCH).map(async (view) => {
      const bytes = reads.get(view.example.id) ?? view.example.read();
      reads.set(view.example.id, bytes);
      return decode(view, await bytes);
    });
    return Promise.all(work);
  };

  if (missing.length > 0) {
    const backbone = await openBackbone(options.backbone, preprocessing, options.threads);
    const progress = createProgress(stage, missing.length);
    try {
      let next = decodeBatch(0);
      for (let start = 0; start < missing.length; start += BATCH) {
        const pixels = await next;
        // The following batch decodes on other threads while this one is computed.
        next = decodeBatch(start + BATCH);
        // Its failure is thrown where it is awaited, above; until then it must not count as unhandled.
        next.catch(() => undefined);
        const embeddings = await backbone.run(pixels, EMBEDDING);
        await cache.add(
          missing
            .slice(start, start + BATCH)
            .map((view, row) => [keyOf(view), embeddings[row] as Float32Array] as const),
        );
        progress.update(Math.min(start + BATCH, missing.length));
      }
    } finally {
      await backbone.release();
      progress.finish();
    }
  }
  return views.map((view) => {
    const values = cache.get(keyOf(view));
    if (!values) throw new Error(`no embedding for ${view.example.id}`);
    return values;
  });
};
