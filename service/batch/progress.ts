import type { JobProgress, JobStatus, Outcome } from "./job.ts";

const isGivenUp = (outcome: Outcome | undefined): boolean =>
  outcome?.status === "failed" && outcome.error.givenUp;

/** How far a job is. @param begun whether it was begun at all */
export const progressOf = (
  outcomes: readonly (Outcome | undefined)[],
  begun: boolean,
): JobProgress => {
  const done = outcomes.filter((outcome) => outcome !== undefined).length;
  const failed = outcomes.filter((outcome) => outcome?.status === "failed").length;
  const unfinished: JobStatus = begun ? "active" : "waiting";
  const finished: JobStatus = outcomes.some(isGivenUp) ? "failed" : "completed";
  return {
    status: done < outcomes.length ? unfinished : finished,
    total: outcomes.length,
    done,
    failed,
  };
};
