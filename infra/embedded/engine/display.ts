import type { Writable } from "node:stream";
import { stripVTControlCharacters, styleText } from "node:util";
import { type Change, describeChange } from "./diff.ts";
import { formatDuration } from "./durations.ts";
import { type PropertyMap, redact } from "./property-values.ts";
import type { Operation } from "./steps.ts";
import { nameOf, typeOf } from "./urn.ts";

/** How important a message of the program or of a provider is. */
export type Severity = "debug" | "info" | "warning" | "error";

/** How many resources an operation did what with. */
export type Summary = Readonly<Record<Operation, number>>;

/** Writes what happens, in the words of `pulumi up --non-interactive`. */
export type Display = {
  header(text: string): void;
  /** One planned step of a preview. */
  plan(operation: Operation, urn: string, changes: readonly Change[]): void;
  /** A step begins. */
  started(operation: Operation, urn: string, changes: readonly Change[]): void;
  /** The step that began `milliseconds` ago has ended. */
  ended(operation: Operation, urn: string, milliseconds: number): void;
  failed(operation: Operation, urn: string, milliseconds: number): void;
  /** What a running step says about itself. */
  progress(urn: string, text: string): void;
  message(severity: Severity, text: string, urn?: string): void;
  outputs(outputs: PropertyMap): void;
  summary(
    counts: Summary,
    options: { readonly preview: boolean; readonly milliseconds: number },
  ): void;
};

type Colour = "green" | "yellow" | "red" | "magenta" | "dim" | "bold";

const STYLE: Readonly<
  Record<
    Operation,
    { readonly mark: string; readonly colour: Colour; readonly words: readonly [string, string] }
  >
> = {
  create: { mark: "+", colour: "green", words: ["creating", "created"] },
  update: { mark: "~", colour: "yellow", words: ["updating", "updated"] },
  replace: { mark: "+-", colour: "magenta", words: ["replacing", "replaced"] },
  delete: { mark: "-", colour: "red", words: ["deleting", "deleted"] },
  drop: { mark: "-", colour: "red", words: ["dropping", "dropped from the state"] },
  same: { mark: "", colour: "dim", words: ["reading", "unchanged"] },
};

const COUNTED: readonly Operation[] = ["create", "update", "replace", "delete", "drop", "same"];
const PLANNED: Readonly<Record<Operation, string>> = {
  create: "to create",
  update: "to update",
  replace: "to replace",
  delete: "to delete",
  drop: "to drop from the state",
  same: "unchanged",
};

/** Creates a display. Colour only when asked, so that a pipe or NO_COLOR gets plain text. */
export const createDisplay = (output: Writable, color: boolean): Display => {
  const paint = (colour: Colour, text: string): string =>
    color ? styleText(colour, text, { validateStream: false }) : text;
  const line = (text: string): void => {
    output.write(`${text}\n`);
  };
  const resource = (operation: Operation, urn: string, rest: string): void => {
    const { mark, colour } = STYLE[operation];
    line(` ${paint(colour, mark.padEnd(2))} ${typeOf(urn)} ${paint("bold", nameOf(urn))} ${rest}`);
  };
  const details = (changes: readonly Change[]): void => {
    for (const change of changes) {
      const text = describeChange(change);
      const colour = text.startsWith("+") ? "green" : text.startsWith("-") ? "red" : "yellow";
      line(`      ${paint(colour, text)}`);
    }
  };

  return {
    header: (text) => line(`${paint("bold", text)}\n`),
    plan: (operation, urn, changes) => {
      if (operation === "same") return;
      resource(operation, urn, operation);
      details(changes);
    },
    started: (operation, urn, changes) => {
      resource(operation, urn, `${STYLE[operation].words[0]} (0s)`);
      details(changes);
    },
    ended: (operation, urn, milliseconds) =>
      resource(operation, urn, `${STYLE[operation].words[1]} (${formatDuration(milliseconds)})`),
    failed: (operation, urn, milliseconds) =>
      resource(
        operation,
        urn,
        paint("red", `${STYLE[operation].words[0]} failed (${formatDuration(milliseconds)})`),
      ),
    progress: (urn, text) =>
      line(`    ${typeOf(urn)} ${nameOf(urn)} ${color ? text : stripVTControlCharacters(text)}`),
    message: (severity, original, urn) => {
      if (severity === "debug") return;
      const text = color ? original : stripVTControlCharacters(original);
      const of = urn === undefined || urn === "" ? "" : `${typeOf(urn)} ${nameOf(urn)}: `;
      const label =
        severity === "info" ? "" : `${paint(severity === "error" ? "red" : "yellow", severity)}: `;
      line(`    ${label}${of}${text.trimEnd().replaceAll("\n", "\n    ")}`);
    },
    outputs: (outputs) => {
      const names = Object.keys(outputs).sort();
      if (names.length === 0) return;
      line(`\n${paint("bold", "Outputs:")}`);
      for (const name of names)
        line(`    ${name}: ${JSON.stringify(redact(outputs[name] ?? null))}`);
    },
    summary: (counts, { preview, milliseconds }) => {
      const counted = COUNTED.filter((each) => counts[each] > 0);
      if (counted.length > 0) line(`\n${paint("bold", "Resources:")}`);
      for (const operation of counted) {
        const { mark, colour, words } = STYLE[operation];
        const word = preview ? PLANNED[operation] : words[1];
        line(
          `    ${paint(colour, `${mark}${mark === "" ? "" : " "}${counts[operation]} ${word}`)}`,
        );
      }
      line(`\n${paint("bold", "Duration:")} ${formatDuration(milliseconds)}`);
    },
  };
};

/**
 * A display for a pass that is not the operation itself: of all that happens it shows only errors. Messages are held back;
 * `release` shows them, for whoever has to find out why the pass failed.
 */
export const onlyErrors = (
  display: Display,
): { readonly display: Display; readonly release: () => void } => {
  const held: Parameters<Display["message"]>[] = [];
  return {
    display: {
      header: () => undefined,
      plan: () => undefined,
      started: () => undefined,
      ended: () => undefined,
      failed: () => undefined,
      progress: () => undefined,
      message: (...message) => {
        if (message[0] === "error") display.message(...message);
        else held.push(message);
      },
      outputs: () => undefined,
      summary: () => undefined,
    },
    release: () => {
      for (const message of held) display.message(...message);
    },
  };
};
