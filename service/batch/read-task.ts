import { z } from "zod";
import { ProblemError } from "../problem.ts";
import type { ProcessConfig } from "../process/config.ts";
import { processQuerySchema, readProcessQuery } from "../process/read-query.ts";
import type { Task } from "./job.ts";
import { TASKS } from "./job-schemas.ts";

/** What the address of a batch may say behind its question mark. */
export const batchQuerySchema = processQuerySchema.extend({
  task: z.enum(TASKS).default("predict").meta({
    description:
      "What is done to each photo: what /predict does, or what /process does. Background and steps are the latter's.",
  }),
});

export type TaskOptions = {
  readonly config: Pick<ProcessConfig, "mvp">;
  /** Whether there is a storage for the step export. */
  readonly keeps: boolean;
};

/** Reads what shall be done to each photo of a batch. @throws ProblemError `bad-request` */
export const readTask = (
  query: Readonly<Record<string, string>>,
  { config, keeps }: TaskOptions,
): Task => {
  const { task: asked = "predict", ...rest } = query;
  const kind = TASKS.find((name) => name === asked);
  if (!kind) {
    throw new ProblemError("bad-request", `task is ${TASKS.join(" or ")}; send one of them.`);
  }
  if (kind === "process") {
    const instead = "leave the step export out";
    return { kind, ...readProcessQuery(rest, config, { keeps, instead }) };
  }
  if ("steps" in rest || "background" in rest) {
    throw new ProblemError(
      "bad-request",
      "steps and background are for photos that are processed; send task=process as well.",
    );
  }
  return { kind };
};
