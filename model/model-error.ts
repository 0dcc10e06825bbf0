/** What is wrong with a model on disk. */
export type ModelErrorCode =
  | "missing"
  | "corrupt"
  | "digest-mismatch"
  | "wrong-shape"
  | "wrong-answer";

/** A model that must not be served. The message is one line and says what to do. */
export class ModelError extends Error {
  override readonly name = "ModelError";
  readonly code: ModelErrorCode;

  constructor(code: ModelErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
