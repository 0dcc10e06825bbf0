import process from "node:process";

/** Counts the steps of one stage. */
export type Progress = {
  /** Sets how much is done. */
  update(done: number): void;
  /** Ends the line. */
  finish(): void;
};

/** Where progress is shown: standard error, so that standard output stays for results. */
export type ProgressOutput = {
  readonly isTTY?: boolean;
  write(text: string): unknown;
};

/** A stage of fewer milliseconds shows nothing; a redraw or, without a terminal, a line comes this often. */
const FIRST_AFTER = 1000;
const REDRAW_EVERY = 100;
const LINE_EVERY = 10_000;
const BAR = 24;

/**
 * Shows the progress of a stage: a bar on a terminal, else a plain line now and then. Stages that end at once show
 * nothing. No colour is used, so NO_COLOR is obeyed.
 *
 * @param stage what is being done, for people
 * @param total how much there is; 0 when unknown
 * @param now clock, milliseconds
 */
export const createProgress = (
  stage: string,
  total: number,
  output: ProgressOutput = process.stderr,
  now: () => number = () => performance.now(),
): Progress => {
  const started = now();
  let shown = started;
  let done = 0;
  const isTerminal = output.isTTY === true;

  const text = (): string => {
    const share = total > 0 ? Math.min(1, done / total) : 0;
    const percent = `${Math.floor(share * 100)}`.padStart(3);
    const filled = Math.round(share * BAR);
    const bar = isTerminal ? ` [${"#".repeat(filled)}${" ".repeat(BAR - filled)}]` : "";
    const elapsed = (now() - started) / 1000;
    const left =
      share > 0.05 && share < 1 ? `, ${Math.ceil(elapsed / share - elapsed)} s left` : "";
    return total > 0 ? `${stage}${bar} ${percent} %${left}` : `${stage} ${done}`;
  };
  const show = (): void => {
    shown = now();
    output.write(isTerminal ? `\r\u001b[K${text()}` : `${text()}\n`);
  };
  return {
    update: (value) => {
      done = value;
      const quiet = now() - started < FIRST_AFTER;
      if (!quiet && now() - shown >= (isTerminal ? REDRAW_EVERY : LINE_EVERY)) show();
    },
    finish: () => {
      if (isTerminal && shown !== started) output.write("\r\u001b[K");
    },
  };
};
