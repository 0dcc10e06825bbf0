import { InvalidArgumentError, Option } from "commander";
import { modelMetadataSchema } from "../../model/metadata.ts";

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

/** Reads a model's name, for commander. */
export const parseName = (text: string): string => {
  const name = modelMetadataSchema.shape.name.safeParse(text);
  if (name.success) return name.data;
  throw new InvalidArgumentError("expected small letters, digits and hyphens.");
};

/** Where trainings are tracked; without it they are not. */
export const trackingOption = (): Option =>
  new Option("--tracking <url>", "address of an MLflow server").env("MLFLOW_TRACKING_URI");

/** Where runs wait for their server. */
export const trackingCopiesOption = (): Option =>
  new Option("--tracking-copies <dir>", "where a run is kept until the server has it")
    .env("TRACKING_COPIES")
    .default("artifacts/tracking");
