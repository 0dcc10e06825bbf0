import type { Lifecycle } from "../lifecycle.ts";
import type { Metrics } from "../metrics.ts";
import type { Processor } from "../process/processor.ts";
import { nameKey, type Storage } from "../storage/storage.ts";
import type { Outcome, Task } from "./job.ts";

/**
 * Does to a photo what `/process` does, behind every photo of its own. The picture is kept before there is an outcome.
 *
 * @throws ImageError, ModelError, what else the processor or the storage throws, or the signal's reason
 */
export type ProcessPhoto = (
  task: Extract<Task, { kind: "process" }>,
  bytes: Uint8Array,
  outputName: string,
  signal: AbortSignal,
) => Promise<Outcome>;

export type ProcessPhotoOptions = {
  readonly processor: Pick<Processor, "process">;
  readonly lifecycle: Pick<Lifecycle, "model" | "reference">;
  readonly metrics: Pick<Metrics, "processIssues">;
  /** @default none: a task that exports fails */
  readonly storage?: Pick<Storage, "put"> | undefined;
};

/** Counts what is wrong with photos as `/process` does, but not its times: batches are meant to wait. */
export const createProcessPhoto =
  ({ processor, lifecycle, metrics, storage }: ProcessPhotoOptions): ProcessPhoto =>
  async ({ steps, background }, bytes, outputName, signal) => {
    const { model, reference } = lifecycle;
    if (!model || !reference) throw new Error("no model is loaded");
    const exports = steps.includes("export");
    if (exports && !storage) throw new Error("the job exports, but this service keeps no pictures");
    const { answer, picture } = await processor.process(
      { image: new Uint8Array(bytes), steps, background, picture: exports },
      reference,
      signal,
      { priority: "background" },
    );
    const output = picture ? nameKey(outputName, "png") : null;
    if (picture && output) await storage?.put(output, picture, "image/png", signal);
    for (const { code } of answer.qa.issues ?? []) metrics.processIssues.inc({ code });
    const { name, version, digest } = model;
    return { status: "completed", processed: answer, output, model: { name, version, digest } };
  };
