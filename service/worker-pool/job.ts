import type { ModelMetadata } from "../../model/metadata.ts";
import type { Answer, Priority, Results, Work } from "./messages.ts";

/** An answer with the model that made it, and what it waited for a worker, in milliseconds. */
export type PoolAnswer<Kind extends Work["type"]> = Results[Kind] & {
  readonly times: Answer["times"];
  readonly model: ModelMetadata;
  readonly waited: number;
};

/** A piece of work, from the moment in which it is asked for until it is answered. */
export type Job = {
  readonly work: Work;
  /** A model beside the one that serves. */
  readonly digest: string | undefined;
  readonly priority: Priority;
  readonly resolve: (answer: PoolAnswer<Work["type"]>) => void;
  readonly reject: (error: unknown) => void;
  readonly queuedAt: number;
  waited: number;
  /** Tells the worker that has it that nobody waits any more. */
  cancel?: () => void;
};
