import type { Target } from "../target.ts";
import { inferenceRow } from "./inference-row.ts";
import { latencyRow } from "./latency-row.ts";
import { nodeRow } from "./node-row.ts";
import { objectivesRow } from "./objectives-row.ts";
import type { Row } from "./panel.ts";
import { podsRow } from "./pods-row.ts";
import { predictionsRow } from "./predictions-row.ts";
import { requestsRow } from "./requests-row.ts";
import { syncRow } from "./sync-row.ts";

/**
 * Everything that is shown of the platform, from what users feel down to the machine.
 *
 * @param application name of the Argo CD Application that deploys the service, where one does
 */
export const dashboardRows = (target: Target, application?: string): readonly Row[] => [
  objectivesRow(target),
  requestsRow(target),
  latencyRow(target),
  inferenceRow(target),
  predictionsRow(target),
  ...(application === undefined ? [] : [syncRow(application)]),
  podsRow(target),
  nodeRow(),
];
