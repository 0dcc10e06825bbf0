/* Words of the route and of its worker, here so that the main thread need not load what the worker computes with. */

/** What may be wrong with a photo. */
export const ISSUE_CODES = [
  "LOW_RESOLUTION",
  "BLURRY",
  "CLUTTER",
  "OVEREXPOSED",
  "UNDEREXPOSED",
  "NO_FOREGROUND",
] as const;
export type IssueCode = (typeof ISSUE_CODES)[number];

/** What the foreground stands on. */
export const BACKGROUNDS = ["transparent", "white"] as const;
export type Background = (typeof BACKGROUNDS)[number];
