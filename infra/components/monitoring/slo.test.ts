import { describe, expect, it } from "vitest";
import { runbookOf } from "./alerts.ts";
import { type Slo, sloRules } from "./slo.ts";

const slo: Slo = {
  name: "availability",
  alert: "AvailabilityBudgetBurn",
  objective: 0.999,
  badEvents: "requests fail",
  bad: (window) => `bad[${window}]`,
  total: (window) => `all[${window}]`,
};

describe("sloRules", () => {
  const [recordings, alerts] = sloRules(slo, "docs/runbooks/x.md");

  it("records the share of bad events over each window, and nothing without events", () => {
    const windows = recordings?.rules.map(({ record }) => record?.replace(/.*ratio_rate/, ""));
    expect(windows?.slice(0, 8)).toEqual(["5m", "30m", "1h", "2h", "6h", "1d", "3d", "30d"]);
    expect(recordings?.rules[0]).toEqual({
      record: "slo:sli_error:ratio_rate5m",
      expr: "(bad[5m] or 0 * all[5m]) / (all[5m] > 0)",
      labels: { slo: "availability" },
    });
  });

  it("compares with multiples of the budget, as the workbook does", () => {
    // 14.4 × 0.1 %, 6 × 0.1 %, …, without the noise of binary fractions.
    const limits = alerts?.rules.map(({ expr }) => [
      ...new Set([...expr.matchAll(/"} > ([\d.]+)/g)].map(([, limit]) => limit)),
    ]);
    expect(limits).toEqual([
      ["0.0144", "0.006"],
      ["0.003", "0.001"],
    ]);
    expect(alerts?.rules.map(({ labels }) => labels?.["severity"])).toEqual(["page", "ticket"]);
  });

  it("wants five bad events in the long window", () => {
    expect(alerts?.rules[0]?.expr).toContain("bad[1h] * 3600 >= 5");
    expect(alerts?.rules[1]?.expr).toContain("bad[3d] * 259200 >= 5");
  });
});

describe("runbookOf", () => {
  it("is the alert's name in kebab case", () => {
    expect(runbookOf("AvailabilityBudgetBurn")).toBe("availability-budget-burn.md");
    expect(runbookOf("Watchdog")).toBe("watchdog.md");
  });
});
