import type { z } from "zod";
import type { jobAnswerSchema } from "../answer-schemas.ts";
import { problemType } from "../problem.ts";
import type { Job, JobItem } from "./job.ts";

type Answer = z.infer<typeof jobAnswerSchema>;

const itemAnswer = ({ name: file, outcome }: JobItem): Answer["items"][number] => {
  if (!outcome) return { file, status: "waiting" };
  if (outcome.status === "completed") {
    const { prediction, model } = outcome;
    return { file, status: "completed", ...prediction, model };
  }
  const { code, detail } = outcome.error;
  return { file, status: "failed", error: { type: problemType(code), detail } };
};

const timeOf = (milliseconds: number): string => new Date(milliseconds).toISOString();

/** What `/jobs/{id}` answers about a job. */
export const jobAnswer = (
  { id, progress, created, finished, items }: Job,
  { durable, retentionSeconds }: { readonly durable: boolean; readonly retentionSeconds: number },
): Answer => ({
  job_id: id,
  ...progress,
  created: timeOf(created),
  finished: finished === undefined ? null : timeOf(finished),
  expires: finished === undefined ? null : timeOf(finished + retentionSeconds * 1000),
  durable,
  items: items.map(itemAnswer),
});
