import { binOf, type DriftReference, type Histogram } from "../../model/drift-reference.ts";
import type { ModelMetadata } from "../../model/metadata.ts";
import type { DriftReading } from "./drift-reading.ts";
import { ONCE_IN, stabilityBound, stabilityIndex } from "./stability-index.ts";

/** Answers that are remembered: enough for the index to settle, few enough to notice a change within the day. */
const WINDOW = 1000;

export type DriftOptions = {
  /** Seconds between two photos whose embedding is looked at; 0 for none. */
  readonly embeddingSeconds: number;
  /** Clock in milliseconds. @default performance.now */
  readonly now?: () => number;
};

/** Watches whether the photos that come are like those of training. */
export type Drift = {
  /** Compares with this model's training from now on; with nothing, if it is of an older training. */
  use(model: ModelMetadata): void;
  /** Whether the next photo's embedding is wanted. Saying yes counts as having it. */
  wantsEmbedding(): boolean;
  /** Takes an answer of the model in use; of any other one it is ignored. @param projections of its embedding, see `project` */
  record(digest: string, confidence: number, projections?: readonly number[]): void;
  /** Nothing before the first answer, or without a reference. */
  read(): DriftReading[];
};

/** The last values of one number, as bins. */
type Window = {
  readonly reference: Histogram;
  readonly bins: Uint8Array;
  readonly counts: number[];
  seen: number;
};

const createWindow = (reference: Histogram): Window => ({
  reference,
  bins: new Uint8Array(WINDOW),
  counts: reference.counts.map(() => 0),
  seen: 0,
});

const push = (window: Window, value: number): void => {
  const { bins, counts, seen } = window;
  const place = seen % WINDOW;
  if (seen >= WINDOW) {
    const old = bins[place] as number;
    counts[old] = (counts[old] as number) - 1;
  }
  const bin = binOf(window.reference.edges, value);
  bins[place] = bin;
  counts[bin] = (counts[bin] as number) + 1;
  window.seen += 1;
};

type Watched = {
  readonly digest: string;
  readonly source: string;
  readonly confidence: Window;
  readonly projections: readonly Window[];
};

const watch = ({ digest, training }: ModelMetadata, reference: DriftReference): Watched => ({
  digest,
  source: training.source,
  confidence: createWindow(reference.confidence),
  projections: reference.projections.map(createWindow),
});

/** Creates the watch. Its memory is bounded: a byte for each of the last answers and directions. */
export const createDrift = (options: DriftOptions): Drift => {
  const { embeddingSeconds, now = () => performance.now() } = options;
  let watched: Watched | undefined;
  let embeddedAt = now();

  const compare = ({ reference, counts }: Window, z: number) => ({
    index: stabilityIndex(reference.counts, counts),
    bound: stabilityBound(reference.counts, counts, z),
  });

  const read: Drift["read"] = () => {
    if (!watched) return [];
    const { source, confidence, projections } = watched;
    const readings: DriftReading[] = [];
    if (confidence.seen > 0) {
      const photos = Math.min(WINDOW, confidence.seen);
      readings.push({ of: "confidence", source, photos, ...compare(confidence, ONCE_IN.thousand) });
    }
    const [first] = projections;
    if (first && first.seen > 0) {
      // Eight directions are eight chances: each one's bound is an eighth as likely to be passed (Bonferroni).
      const each = projections.map((window) => compare(window, ONCE_IN.eightThousand));
      const worst = each.reduce((a, b) => (b.index - b.bound > a.index - a.bound ? b : a));
      readings.push({ of: "embedding", source, photos: Math.min(WINDOW, first.seen), ...worst });
    }
    return readings;
  };

  return {
    use: (model) => {
      if (model.digest === watched?.digest) return;
      watched = model.drift && watch(model, model.drift);
      // A worker opens a session of its own for embeddings: not while the first photos, or a new model's, are waited for.
      embeddedAt = now();
    },
    wantsEmbedding: () => {
      if (!watched || embeddingSeconds === 0) return false;
      if (now() - embeddedAt < embeddingSeconds * 1000) return false;
      embeddedAt = now();
      return true;
    },
    record: (digest, confidence, projections) => {
      if (watched?.digest !== digest) return;
      push(watched.confidence, confidence);
      if (projections?.length !== watched.projections.length) return;
      for (const [direction, window] of watched.projections.entries()) {
        push(window, projections[direction] as number);
      }
    },
    read,
  };
};
