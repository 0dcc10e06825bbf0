/**
 * Annotation of a Job that `up` waits for: one that failed is made anew by the next `up`. It never runs again by itself, so
 * the Pulumi CLI would wait for the same failed Job each time. The embedded engine makes a failed Job anew anyway.
 */
export const REPLACE_UNREADY = { "pulumi.com/replaceUnready": "true" };
