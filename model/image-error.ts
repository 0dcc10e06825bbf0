/** Why an upload is not an image that this project reads. Each code has one HTTP status in the service. */
export type ImageErrorCode =
  | "empty"
  | "unsupported-type"
  | "animated"
  | "undecodable"
  | "too-many-pixels"
  | "decode-timeout";

/** Bad image input. The message is one line, safe to show to the sender, and says what to do. */
export class ImageError extends Error {
  override readonly name = "ImageError";
  readonly code: ImageErrorCode;

  constructor(code: ImageErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
