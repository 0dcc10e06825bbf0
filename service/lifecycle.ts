import type { ModelMetadata } from "../model/metadata.ts";
import type { ModelReference } from "../model/model-files.ts";

/** `serving` still holds while a drain lets clients move away; `closing` answers no new prediction. */
type Phase = "serving" | "draining" | "closing";

/** What the routes need to know of the process. Only main's parts change it. */
export type Lifecycle = {
  phase: Phase;
  /** The model that serves; undefined until the first one is loaded. */
  model: ModelMetadata | undefined;
  /** Where its file is. */
  reference?: ModelReference;
  /** While there is no such model yet: the secret of the requests that shall prove the first one. */
  proof?: string;
};

type Status = "ok" | "starting" | "draining";

/** One word for /health and /readyz: only `ok` wants requests. @param workersReady workers that can answer */
export const statusOf = ({ phase, model }: Lifecycle, workersReady: number): Status => {
  if (phase !== "serving") return "draining";
  return model && workersReady > 0 ? "ok" : "starting";
};
