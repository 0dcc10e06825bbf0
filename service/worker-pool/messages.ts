import type { ActivationMap } from "../../model/activation-map.ts";
import type { Prediction } from "../../model/classifier.ts";
import type { ImageErrorCode } from "../../model/image-error.ts";
import type { ModelMetadata } from "../../model/metadata.ts";
import type { ModelErrorCode } from "../../model/model-error.ts";
import type { ModelReference } from "../../model/model-files.ts";
import type { Asked, InferenceBody } from "../inference-protocol/read-request.ts";
import type { EndRequest } from "./end-worker.ts";

/** What the main thread asks of a worker. A worker answers `load`, `predict` and `infer`, each once. */
export type WorkerRequest =
  /** Begin with this model: it will be asked for by `load`, once the main thread has started, too. */
  | ({ readonly type: "preload" } & ModelReference)
  | ({
      readonly type: "load";
      /** Keep it beside the one that serves until it is dropped: work names its digest. */
      readonly keep: boolean;
    } & ModelReference)
  /** Serve this loaded model from now on, and release every other one that is not kept. */
  | { readonly type: "use"; readonly digest: string }
  /** Release every loaded model that is neither in use nor kept. */
  | { readonly type: "discard" }
  /** Keep this model no longer. */
  | { readonly type: "drop"; readonly digest: string }
  | ({
      readonly id: number;
      readonly priority: Priority;
      /** A model that is kept. Without it: the one that serves. */
      readonly digest?: string;
    } & Work)
  /** Nobody waits for this work's answer any more: what of it has not begun need not. It is answered all the same. */
  | { readonly type: "cancel"; readonly id: number }
  | EndRequest;

/** `background` work is begun, and its network run, only when no `interactive` work is there for it. */
export type Priority = "interactive" | "background";

/** What is asked of a photo beside its prediction. Any of it takes a session that a worker opens when it is first asked. */
export type Extras = {
  /** Where in the photo the prediction comes from. The model's training must have left what that needs. */
  readonly map: boolean;
  /** Its embedding, see `project`, if it can be had. */
  readonly projections: boolean;
};

/** What a worker computes: one photo, or the tensor of an inference request, which it reads, too. */
export type Work =
  | {
      readonly type: "predict";
      readonly image: Uint8Array<ArrayBuffer>;
      readonly extras?: Extras;
    }
  | ({ readonly type: "infer" } & InferenceBody);

/** Milliseconds that a piece of work spent in each stage inside the worker. */
type StageTimes = {
  /** From the image or the request to the network's input. */
  readonly decode: number;
  /** From the decoded pixels to the start of the run: another image of this worker was being run. */
  readonly queue: number;
  readonly infer: number;
};

/** What comes of each kind of work. */
export type Results = {
  readonly predict: {
    readonly prediction: Prediction;
    readonly map?: ActivationMap;
    readonly projections?: readonly number[];
  };
  readonly infer: { readonly predictions: readonly Prediction[]; readonly asked: Asked };
};

/** A result, the digest of the model that made it, and where its time went. */
export type Answer<Kind extends Work["type"] = Work["type"]> = Results[Kind] & {
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
      /** Absent when neither the image nor the tensor is to blame. */
      readonly code?: ImageErrorCode | "bad-tensor";
      readonly message: string;
    };
