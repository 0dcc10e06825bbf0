import { InvalidArgumentError } from "commander";

/** Reads an integer of at least `least`, for commander. */
export const parseInteger =
  (least: number) =>
  (text: string): number => {
    const value = Number(text);
    if (Number.isSafeInteger(value) && value >= least && text.trim() !== "") return value;
    throw new InvalidArgumentError(`expected an integer of at least ${least}.`);
  };
