import { expect, it } from "vitest";
import { dashboardRows } from "../../infra/components/monitoring/dashboards/rows.ts";
import { statusPanels } from "../../infra/components/monitoring/dashboards/status-panels.ts";
import { statusPanelsSchema } from "../../service/status/panels.ts";

it("the panels' file that infra writes is the one that the service reads, nothing left out", () => {
  const file = JSON.parse(statusPanels(dashboardRows({ namespace: "cats-dogs", job: "api" })));
  expect(statusPanelsSchema.parse(file)).toEqual(file);
});
