import { z } from "zod";
import { predictAnswerSchema } from "../answer-schemas.ts";
import { processAnswerSchema } from "../process/answer-schema.ts";

/** What may be done to each photo of a batch. */
export const TASKS = ["predict", "process"] as const;

const jobId = z.uuid({ version: "v4" });
const time = z.iso.datetime();

/** What `POST /batch` answers. */
export const batchAnswerSchema = z
  .object({ job_id: jobId, status: z.literal("queued") })
  .meta({ id: "Batch" });

/** How far a job is, as `/jobs/{id}` and its events say. */
export const jobProgressSchema = z
  .object({
    status: z.enum(["waiting", "active", "completed", "failed"]).meta({
      description: "failed: at least one photo was given up although it was not to blame.",
    }),
    total: z.int().meta({ description: "Photos." }),
    done: z.int().meta({ description: "Photos with a result or an error." }),
    failed: z.int().meta({ description: "Photos with an error." }),
  })
  .meta({ id: "JobProgress" });

const completedItem = { file: z.string(), status: z.literal("completed") };
const itemSchema = z.union([
  z.object({ file: z.string(), status: z.literal("waiting") }),
  predictAnswerSchema.extend(completedItem).meta({ id: "PredictedItem" }),
  processAnswerSchema.extend(completedItem).meta({ id: "ProcessedItem" }),
  z.object({
    file: z.string(),
    status: z.literal("failed"),
    error: z.object({ type: z.string(), detail: z.string() }),
  }),
]);

/** What `/jobs/{id}` answers. */
export const jobAnswerSchema = jobProgressSchema
  .extend({
    job_id: jobId,
    task: z.enum(TASKS).meta({ description: "What is done to each photo." }),
    created: time,
    finished: time.nullable(),
    expires: time.nullable().meta({ description: "When a finished job is forgotten." }),
    durable: z.boolean().meta({
      description: "Whether the job outlives the process that took it; if not, a restart ends it.",
    }),
    items: z.array(itemSchema).meta({ description: "One for each photo, in the upload's order." }),
  })
  .meta({ id: "Job" });
