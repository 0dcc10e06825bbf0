import { ARGO_CD_METRICS } from "../argo-cd-metrics.ts";
import type { Row } from "./panel.ts";

/** Whether Argo CD runs what Git has. @param application name of the Application */
export const syncRow = (application: string): Row => {
  const own = `{name="${application}"}`;
  return {
    title: "Deployment from Git",
    panels: [
      {
        id: "sync-state",
        title: "Argo CD: state of what Git has",
        description: "Whether it is deployed, and whether what is deployed is healthy.",
        unit: "count",
        kind: "lines",
        queries: [
          {
            expr: `sum by (sync_status, health_status) (${ARGO_CD_METRICS.state}${own})`,
            legend: "{{sync_status}}, {{health_status}}",
          },
        ],
      },
      {
        id: "syncs",
        title: "Argo CD: syncs by outcome",
        description: "Since its controller started. A failed one left the version before it.",
        unit: "count",
        kind: "lines",
        queries: [
          {
            expr: `sum by (phase) (${ARGO_CD_METRICS.syncs}${own})`,
            legend: "{{phase}}",
          },
        ],
      },
    ],
  };
};
