/** A failure that its reader can mend: one line that says what happened and what to do. Printed without a stack trace. */
export class UserError extends Error {
  override readonly name = "UserError";
}
