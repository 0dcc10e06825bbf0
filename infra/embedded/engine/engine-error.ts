/** A failure that the user can act on. The message says what happened and what to do; it never holds a secret. */
export class EngineError extends Error {
  override readonly name: string = "EngineError";
}

/** What a provider manages cannot be reached: its server does not answer, or the file that names it is gone. */
export class UnreachableError extends EngineError {
  override readonly name = "UnreachableError";
}

/** The message of anything that was thrown. */
export const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
