import type { ImageErrorCode } from "../../model/image-error.ts";
import { ImageError } from "../../model/image-error.ts";
import { ModelError } from "../../model/model-error.ts";
import { TensorError } from "../inference-protocol/tensor-error.ts";
import type { Member } from "./member.ts";
import type { WorkerReply } from "./messages.ts";
import type { ServedModels } from "./served-models.ts";

const failure = (code: ImageErrorCode | "bad-tensor" | undefined, message: string): Error => {
  if (code === undefined) return new Error(message);
  return code === "bad-tensor" ? new TensorError(message) : new ImageError(code, message);
};

/** Settles what a worker's reply is about. @returns whether the worker can take more work than before */
export const receive = (
  member: Member,
  reply: WorkerReply,
  models: Pick<ServedModels, "find">,
): boolean => {
  if (reply.type === "loaded") {
    member.loading?.resolve(reply.metadata);
    return false;
  }
  if (reply.type === "refused") {
    member.loading?.reject(new ModelError(reply.code, reply.message));
    return false;
  }
  const job = member.jobs.get(reply.id);
  member.jobs.delete(reply.id);
  if (reply.type === "failed") job?.reject(failure(reply.code, reply.message));
  else {
    const { digest, ...answer } = reply.answer;
    const model = models.find(digest);
    if (model) job?.resolve({ ...answer, model, waited: job.waited });
    // Background work may be held up in a worker for as long as there is other work.
    else job?.reject(new Error("The model was replaced twice meanwhile; send it again."));
  }
  return true;
};
