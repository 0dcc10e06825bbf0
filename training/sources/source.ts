/** The sources that a person may name, besides `auto`. */
export const SOURCE_NAMES = ["kaggle", "folder", "sample"] as const;
export type SourceName = (typeof SOURCE_NAMES)[number];

/** A labelled picture that has not been read yet. */
export type Photo = {
  /** Stable name inside its source: a relative path with forward slashes. */
  readonly id: string;
  readonly label: string;
  /** The file's bytes. @throws Error when the file cannot be read */
  readonly read: () => Promise<Uint8Array>;
};

/** Labelled pictures, in a stable order. */
export type Source = {
  readonly name: SourceName;
  readonly photos: readonly Photo[];
  /** Closes what the photos are read from. */
  readonly close: () => Promise<void>;
};
