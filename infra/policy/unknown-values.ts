/**
 * What a rule finds, or nothing when it meets a value that only the update will know: @pulumi/policy throws then, and the
 * update asks again with the value. Wrap what reads one fact, so that one unknown value silences no other rule.
 */
export const whenKnown = (judge: () => readonly string[]): readonly string[] => {
  try {
    return judge();
  } catch (error) {
    // The package does not export the class.
    if (error instanceof Error && error.constructor.name === "UnknownValueError") return [];
    throw error;
  }
};
