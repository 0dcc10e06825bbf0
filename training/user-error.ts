/** Something that the user can mend. The message is one line that says what happened and what to do; no stack is shown. */
export class UserError extends Error {
  override readonly name = "UserError";
}
