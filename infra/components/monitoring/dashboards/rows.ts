import type { Target } from "../target.ts";
import { inferenceRow } from "./inference-row.ts";
import { latencyRow } from "./latency-row.ts";
import { nodeRow } from "./node-row.ts";
import { objectivesRow } from "./objectives-row.ts";
import type { Row } from "./panel.ts";
import { podsRow } from "./pods-row.ts";
import { predictionsRow } from "./predictions-row.ts";
import { requestsRow } from "./requests-row.ts";

/** Everything that is shown of the platform, from what users feel down to the machine. */
export const dashboardRows = (target: Target): readonly Row[] => [
  objectivesRow(target),
  requestsRow(target),
  latencyRow(target),
  inferenceRow(target),
  predictionsRow(target),
  podsRow(target),
  nodeRow(),
];
