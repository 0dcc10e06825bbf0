import { serviceObjectives } from "../objectives.ts";
import { BUDGET_LEFT, errorRatio } from "../slo.ts";
import type { Target } from "../target.ts";
import type { Row } from "./panel.ts";

/** Whether the service keeps its promises. */
export const objectivesRow = (target: Target): Row => ({
  title: "Objectives",
  panels: [
    {
      id: "error-budget",
      title: "Error budget left",
      description: "Of 30 days. At zero the objective is missed.",
      unit: "share",
      kind: "lines",
      queries: [{ expr: BUDGET_LEFT, legend: "{{slo}}" }],
    },
    ...serviceObjectives(target).map(({ name, objective }) => ({
      id: `objective-${name}`,
      title: `Bad events: ${name}`,
      description: `Share of bad events; ${Number((100 * (1 - objective)).toPrecision(3))} % are allowed over 30 days.`,
      unit: "share" as const,
      kind: "lines" as const,
      queries: (["5m", "1h", "1d"] as const).map((window) => ({
        expr: `${errorRatio(window)}{slo="${name}"}`,
        legend: window,
      })),
    })),
  ],
});
