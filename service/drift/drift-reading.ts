/** How far answers are from training's held-out photos. */
export type DriftReading = {
  readonly of: "confidence" | "embedding";
  /** Where training's photos came from. Drawings are no measure for photos. */
  readonly source: string;
  /** Population stability index; of the direction that differs most for embeddings. */
  readonly index: number;
  /** What chance alone seldom passes, with so few photos. */
  readonly bound: number;
  /** Photos that this is of. */
  readonly photos: number;
};
