import { InvalidArgumentError } from "commander";

/** Reads an integer of at least `least`, for commander. */
export const parseInteger =
  (least: number) =>
  (text: string): number => {
    const value = Number(text);
    if (Number.isSafeInteger(value) && value >= least && text.trim() !== "") return value;
    throw new InvalidArgumentError(`expected an integer of at least ${least}.`);
  };

/** Reads a share from 0 to 1, for commander. */
export const parseShare = (text: string): number => {
  const value = Number(text);
  if (value >= 0 && value <= 1 && text.trim() !== "") return value;
  throw new InvalidArgumentError("expected a number from 0 to 1.");
};
