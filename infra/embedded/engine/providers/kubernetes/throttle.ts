/** How often a text of the same wait is shown. Unit: milliseconds. */
const EVERY_MS = 3_000;

/** Shows what is new, not too often. */
export type Throttled = {
  readonly say: (text: string) => void;
  /** Forgets what was not shown yet; nothing is said behind it. */
  readonly end: () => void;
};

/**
 * Shows a text at once, and those that follow it every three seconds at most: the last one always, those between not. An
 * object that is followed may not change for minutes, so a text that is left out would leave an old one standing.
 */
export const throttle = (show: (text: string) => void): Throttled => {
  let latest: string | undefined;
  let shown: string | undefined;
  let timer: NodeJS.Timeout | undefined;
  const showLatest = (): void => {
    timer = undefined;
    if (latest === undefined || latest === shown) return;
    shown = latest;
    show(latest);
    timer = setTimeout(showLatest, EVERY_MS);
    timer.unref();
  };
  return {
    say: (text) => {
      latest = text;
      if (timer === undefined) showLatest();
    },
    end: () => clearTimeout(timer),
  };
};
