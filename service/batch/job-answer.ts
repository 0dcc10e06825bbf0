import type { z } from "zod";
import { problemType } from "../problem.ts";
import type { Storage } from "../storage/storage.ts";
import type { Job, JobItem } from "./job.ts";
import type { jobAnswerSchema } from "./job-schemas.ts";

type Answer = z.infer<typeof jobAnswerSchema>;

export type JobAnswerOptions = {
  readonly durable: boolean;
  readonly retentionSeconds: number;
  /** Where pictures are. @default none: there are no links */
  readonly storage?: Pick<Storage, "signedUrl"> | undefined;
};

const itemAnswer = async (
  { name: file, outcome }: JobItem,
  storage: JobAnswerOptions["storage"],
): Promise<Answer["items"][number]> => {
  if (!outcome) return { file, status: "waiting" };
  if (outcome.status === "failed") {
    const { code, detail } = outcome.error;
    return { file, status: "failed", error: { type: problemType(code), detail } };
  }
  const { status, model } = outcome;
  if ("prediction" in outcome) return { file, status, ...outcome.prediction, model };
  const { processed, output } = outcome;
  // Signed for each answer: a link may end sooner than the job is asked for.
  const url = output && storage ? await storage.signedUrl(output) : null;
  return { ...processed, file, status, output_url: url, model };
};

const timeOf = (milliseconds: number): string => new Date(milliseconds).toISOString();

/** What `/jobs/{id}` answers about a job. */
export const jobAnswer = async (
  { id, task, progress, created, finished, items }: Job,
  { durable, retentionSeconds, storage }: JobAnswerOptions,
): Promise<Answer> => ({
  job_id: id,
  task: task.kind,
  ...progress,
  created: timeOf(created),
  finished: finished === undefined ? null : timeOf(finished),
  expires: finished === undefined ? null : timeOf(finished + retentionSeconds * 1000),
  durable,
  items: await Promise.all(items.map((item) => itemAnswer(item, storage))),
});
