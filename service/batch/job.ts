import type { Prediction } from "../../model/classifier.ts";
import type { Step } from "../process/plan.ts";
import type { Processed } from "../process/process-photo.ts";
import type { Background } from "../process/vocabulary.ts";

/** A photo of a batch, with the name that its sender gave it. */
export type Photo = { readonly name: string; readonly bytes: Uint8Array<ArrayBuffer> };

/** What is done to each photo of a job: what `/predict` does, or what `/process` does. */
export type Task =
  | { readonly kind: "predict" }
  | {
      readonly kind: "process";
      readonly steps: readonly Step[];
      readonly background: Background;
    };

type Computed = {
  readonly status: "completed";
  readonly model: { readonly name: string; readonly version: string; readonly digest: string };
};
type Predicted = Computed & { readonly prediction: Prediction };
type ProcessedPhoto = Computed & {
  readonly processed: Processed["answer"];
  /** Under which the storage has the picture; null unless the job exports. */
  readonly output: string | null;
};

/** What came of a photo. */
export type Outcome =
  | Predicted
  | ProcessedPhoto
  | {
      readonly status: "failed";
      readonly error: {
        /** A problem's code. */
        readonly code: string;
        /** One line, safe to show, that says what to do. */
        readonly detail: string;
        /** Whether the photo is not to blame: it was given up after several attempts. */
        readonly givenUp: boolean;
      };
    };

export type JobItem = { readonly name: string; readonly outcome: Outcome | undefined };

/** `failed` are those with a photo that was given up; a bad photo is an error of its own, in a job that completed. */
export type JobStatus = "waiting" | "active" | "completed" | "failed";

export type JobProgress = {
  readonly status: JobStatus;
  readonly total: number;
  /** Photos with an outcome. */
  readonly done: number;
  /** Photos among them that failed. */
  readonly failed: number;
};

/** A batch. Times are milliseconds since 1970. */
export type Job = {
  readonly id: string;
  readonly task: Task;
  readonly progress: JobProgress;
  readonly created: number;
  /** Undefined while it has not ended. */
  readonly finished: number | undefined;
  /** In the order of the upload. */
  readonly items: readonly JobItem[];
};
