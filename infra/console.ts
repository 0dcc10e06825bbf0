import { styleText } from "node:util";
import { UserError } from "./user-error.ts";

/*
 * Progress and errors for people, on standard error: standard output belongs to results, which scripts read.
 */
const out = process.stderr;

type Style = Parameters<typeof styleText>[0];

/** Colours text for standard error; plain when it is no terminal or NO_COLOR is set. */
export const paint = (style: Style, text: string): string =>
  styleText(style, text, { stream: out, validateStream: true });

/** Prints one line. */
export const say = (line: string): void => {
  out.write(`${line}\n`);
};

const seconds = (since: number): string => `${((Date.now() - since) / 1000).toFixed(0)} s`;

/**
 * Runs a step that may take long: its name at once, its duration at the end, and in between the time so far: rewritten
 * on a terminal, a line every 20 s elsewhere.
 */
export const step = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
  const start = Date.now();
  const terminal = out.isTTY === true;
  const tick = (): void => {
    out.write(terminal ? `\r  ${name} … ${seconds(start)} ` : `  ${name} … ${seconds(start)}\n`);
  };
  out.write(terminal ? `  ${name} …` : `  ${name} …\n`);
  const timer = setInterval(tick, terminal ? 1_000 : 20_000);
  const end = (mark: string): void => {
    clearInterval(timer);
    const took = Date.now() - start;
    if (terminal) out.write(`\r\x1b[K  ${mark} ${name} (${seconds(start)})\n`);
    else if (took > 2_000) out.write(`  ${mark} ${name} (${seconds(start)})\n`);
  };
  try {
    const result = await work();
    end(paint("green", "✓"));
    return result;
  } catch (error) {
    end(paint("red", "✗"));
    throw error;
  }
};

/** Runs a command line's main function: one line for a `UserError`, everything for a defect; exit status 1 in both cases. */
export const runMain = async (main: () => Promise<void>): Promise<void> => {
  try {
    await main();
  } catch (error) {
    const text =
      error instanceof UserError
        ? error.message
        : error instanceof Error
          ? (error.stack ?? error.message)
          : String(error);
    say(`${paint("red", "error:")} ${text}`);
    process.exitCode = 1;
  }
};
