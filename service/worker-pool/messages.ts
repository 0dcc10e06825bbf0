import type { Prediction } from "../../model/classifier.ts";
import type { ImageErrorCode } from "../../model/image-error.ts";
import type { ModelMetadata } from "../../model/metadata.ts";
import type { ModelErrorCode } from "../../model/model-error.ts";
import type { ModelReference } from "../../model/store.ts";

/** What the main thread asks of a worker. A worker answers `load` and `predict`, each once. */
export type WorkerRequest =
  | ({ readonly type: "load" } & ModelReference)
  /** Serve this loaded model from now on, and release every other one. */
  | { readonly type: "use"; readonly digest: string }
  /** Release every loaded model that is not in use. */
  | { readonly type: "discard" }
  | { readonly type: "predict"; readonly id: number; readonly image: Uint8Array };

/** Milliseconds that a prediction spent in each stage inside the worker. */
type StageTimes = {
  readonly decode: number;
  /** From the decoded pixels to the start of the run: another image of this worker was being run. */
  readonly queue: number;
  readonly infer: number;
};

/** A prediction, the digest of the model that made it, and where its time went. */
export type Answer = {
  readonly prediction: Prediction;
  readonly digest: string;
  readonly times: StageTimes;
};

export type WorkerReply =
  | { readonly type: "loaded"; readonly metadata: ModelMetadata }
  | { readonly type: "refused"; readonly code: ModelErrorCode; readonly message: string }
  | { readonly type: "answer"; readonly id: number; readonly answer: Answer }
  | {
      readonly type: "failed";
      readonly id: number;
      /** Absent when the image is not to blame. */
      readonly code?: ImageErrorCode;
      readonly message: string;
    };
