import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "pino";
import type { Prediction } from "../../model/classifier.ts";
import type { ModelMetadata } from "../../model/metadata.ts";
import { writeFileAtomic } from "../../model/write-atomic.ts";
import { type Retention, sampleName, sweep } from "./sweep.ts";

/** Longer side of a kept photo at most, pixels: enough to label it and to train with it. */
const SIDE = 1024;
const QUALITY = 90;
const SWEEP_MS = 3_600_000;

export type SamplingOptions = Retention & {
  readonly directory: string;
  /** Of all photos, from 0 to 1. */
  readonly share: number;
  readonly log: Logger;
  /** Numbers from 0 to 1. @default Math.random */
  readonly random?: () => number;
};

/** What is written beside a photo. */
type Sample = {
  readonly prediction: Prediction;
  readonly model: Pick<ModelMetadata, "name" | "version" | "digest">;
};

/** Keeps a share of the photos for people to label. */
export type Sampling = {
  /** Whether the next photo is one of the share; not while another one is being written, so that little waits in memory. */
  wants(): boolean;
  /**
   * Keeps a photo with its answer, drawn anew, so that nothing but the picture stays: no place, time or camera.
   * Nobody waits for it; a failure is in the log.
   */
  keep(photo: Uint8Array, sample: Sample): Promise<void>;
  stop(): void;
};

/** Makes the directory and starts to sweep it. @throws the file system's error where it cannot be written */
export const startSampling = async (options: SamplingOptions): Promise<Sampling> => {
  const { directory, share, log, random = Math.random } = options;
  await mkdir(directory, { recursive: true });
  let bytes = await sweep(directory, options);
  let busy = false;

  const attempt = async (what: () => Promise<void>): Promise<void> => {
    try {
      await what();
    } catch (error) {
      log.warn({ err: error, directory }, "a sampled photo could not be kept");
    }
  };
  const sweepAgain = async (): Promise<void> => {
    bytes = await sweep(directory, options);
  };
  const timer = setInterval(() => void attempt(sweepAgain), SWEEP_MS).unref();

  const write = async (photo: Uint8Array, { prediction, model }: Sample): Promise<void> => {
    // Not a static import: without sampling this thread never decodes anything.
    const { openImage, runImage } = await import("../../model/preprocessing.ts");
    const drawn = await runImage(
      openImage(photo)
        .resize(SIDE, SIDE, { fit: "inside", withoutEnlargement: true })
        .jpeg({ quality: QUALITY })
        .toBuffer(),
    );
    const { name, version, digest } = model;
    const about = `${JSON.stringify({ ...prediction, model: { name, version, digest } })}\n`;
    const path = join(directory, sampleName());
    await writeFileAtomic(`${path}.jpg`, drawn);
    await writeFileAtomic(`${path}.json`, about);
    bytes += drawn.length + about.length;
    if (bytes > options.megabytes * 1e6) await sweepAgain();
  };

  return {
    wants: () => !busy && random() < share,
    keep: async (photo, sample) => {
      // Two requests may have been told yes before either had its answer.
      if (busy) return;
      busy = true;
      await attempt(() => write(photo, sample));
      busy = false;
    },
    stop: () => clearInterval(timer),
  };
};
