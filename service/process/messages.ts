import type { ImageErrorCode } from "../../model/image-error.ts";
import type { ModelErrorCode } from "../../model/model-error.ts";
import type { ModelReference } from "../../model/model-files.ts";
import type { ProcessConfig } from "./config.ts";
import type { Processed, ProcessRequest } from "./process-photo.ts";

/** What a worker of photos is started with. */
export type WorkerOptions = {
  readonly config: ProcessConfig;
  /** ONNX file that finds the foreground; without one the classifier's network does. */
  readonly segmenter: string | undefined;
};

/** One photo, and the model to look at it with. A worker answers each, one at a time. */
export type PhotoJob = { readonly request: ProcessRequest; readonly model: ModelReference };

export type PhotoReply =
  | { readonly type: "processed"; readonly result: Processed }
  | {
      readonly type: "failed";
      readonly message: string;
      /** Absent when neither the image nor a model is to blame. */
      readonly image?: ImageErrorCode;
      readonly model?: ModelErrorCode;
    };
