/** An inference request that does not fit the model. The message is one line, safe to show to the sender, and says what to do. */
export class TensorError extends Error {
  override readonly name = "TensorError";
}
