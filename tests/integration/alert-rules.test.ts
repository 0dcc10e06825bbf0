import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { platformRules, runbookOf } from "../../infra/components/monitoring/alerts.ts";
import { dashboardRows } from "../../infra/components/monitoring/dashboards/rows.ts";
import { statusPanels } from "../../infra/components/monitoring/dashboards/status-panels.ts";
import { repositoryDirectory } from "../../infra/paths.ts";
import { tryCommand } from "../../infra/run-command.ts";
import { METRIC } from "../../service/metric-names.ts";
import { statusPanelsSchema } from "../../service/status/panels.ts";
import { ensurePromtool } from "../fixtures/promtool.ts";

const rules = platformRules({ namespace: "cats-dogs", job: "api" }, "docs/runbooks");

/** A series of one pod, and its values from the first minute on: `0+600x60` adds 600 sixty times, once a minute. */
type Input = { readonly series: string; readonly values: string };

const pod = 'namespace="cats-dogs",job="api",pod="api-1"';
const requests = (status: number, values: string): Input => ({
  series: `${METRIC.requests}{${pod},method="POST",route="/predict",status="${status}"}`,
  values,
});
/** Answers and how many of them took at most 250 ms. */
const latency = (all: string, fast: string): readonly Input[] => {
  const labels = `${pod},method="POST",route="/predict",status="200"`;
  return [
    { series: `${METRIC.requestDuration}_count{${labels}}`, values: all },
    { series: `${METRIC.requestDuration}_bucket{${labels},le="0.25"}`, values: fast },
  ];
};
const up: Input = { series: `up{${pod}}`, values: "1x1000" };

type Firing = { readonly alert: string; readonly severity: string };

/** Which alerts but Watchdog fire after some minutes: promtool is asked about each alert, and what it got is read from its answer. */
const firing = async (inputs: readonly Input[], minutes: number): Promise<readonly Firing[]> => {
  const directory = await mkdtemp(join(tmpdir(), "alert-rules-"));
  try {
    await writeFile(join(directory, "rules.json"), JSON.stringify({ groups: rules }));
    const names = [
      ...new Set(rules.flatMap(({ rules: all }) => all.flatMap((rule) => rule.alert ?? []))),
    ];
    const test = {
      rule_files: ["rules.json"],
      evaluation_interval: "1m",
      tests: [
        {
          interval: "1m",
          input_series: inputs,
          // One that cannot be met for each alert: promtool then tells what fires.
          alert_rule_test: names.map((alertname) => ({
            eval_time: `${minutes}m`,
            alertname,
            exp_alerts: [{ exp_labels: { impossible: "yes" } }],
          })),
        },
      ],
    };
    await writeFile(join(directory, "test.json"), JSON.stringify(test));
    const { stdout, stderr } = await tryCommand(
      await ensurePromtool(),
      ["test", "rules", "test.json"],
      {
        cwd: directory,
      },
    );
    const text = stdout + stderr;
    const blocks = text.split(/alertname: /).slice(1);
    expect(blocks, text).toHaveLength(names.length);
    return blocks
      .flatMap((block) => {
        const got = /got:\s*\[([\s\S]*)\]/.exec(block)?.[1] ?? "";
        return [...got.matchAll(/alertname="(\w+)"[^}]*severity="(\w+)"/g)].map(
          ([, alert = "", severity = ""]) => ({ alert, severity }),
        );
      })
      .filter(({ alert }) => alert !== "Watchdog");
  } finally {
    await rm(directory, { recursive: true });
  }
};

const withoutPromtool = existsSync("/usr/bin/apt-get")
  ? ""
  : " (skipped: promtool is fetched by apt-get)";

const names = (alerts: readonly Firing[]): string[] =>
  alerts.map(({ alert, severity }) => `${alert} ${severity}`).sort();

describe.skipIf(withoutPromtool)(`the platform's alerts${withoutPromtool}`, () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "alert-rules-"));
    await writeFile(join(directory, "rules.json"), JSON.stringify({ groups: rules }));
  });
  afterAll(() => rm(directory, { recursive: true }));

  it("are rules that Prometheus accepts", async () => {
    const { code, stdout, stderr } = await tryCommand(await ensurePromtool(), [
      ...["check", "rules", join(directory, "rules.json")],
    ]);
    expect(code, stdout + stderr).toBe(0);
  });

  it("stand beside panels whose queries Prometheus accepts", async () => {
    const rows = dashboardRows({ namespace: "cats-dogs", job: "api" });
    const queries = statusPanelsSchema
      .parse(JSON.parse(statusPanels(rows)))
      .rows.flatMap(({ panels }) => panels.flatMap((panel) => panel.queries));
    const file = join(directory, "queries.json");
    const asRules = queries.map(({ expr }, index) => ({ record: `query${index}`, expr }));
    await writeFile(file, JSON.stringify({ groups: [{ name: "queries", rules: asRules }] }));
    const checked = await tryCommand(await ensurePromtool(), ["check", "rules", file]);
    expect(checked.code, checked.stdout + checked.stderr).toBe(0);
    expect(checked.stdout).toContain(`${queries.length} rules found`);
  });

  it("always have the one that says that alerting works", () => {
    const watchdog = rules
      .flatMap((group) => group.rules)
      .find(({ alert }) => alert === "Watchdog");
    expect(watchdog?.expr).toBe("vector(1)");
  });

  it("each have a runbook", () => {
    const alerts = rules.flatMap((group) => group.rules).filter((rule) => rule.alert !== undefined);
    expect(alerts.length).toBeGreaterThan(8);
    for (const { alert = "", annotations } of alerts) {
      expect(annotations?.["runbook_url"]).toBe(`docs/runbooks/${runbookOf(alert)}`);
      expect(
        existsSync(join(repositoryDirectory, "docs", "runbooks", runbookOf(alert))),
        alert,
      ).toBe(true);
    }
  });

  it("are silent while the service is healthy", async () => {
    const healthy = [up, requests(200, "0+600x400"), ...latency("0+600x400", "0+600x400")];
    expect(names(await firing(healthy, 360))).toEqual([]);
  });

  it("are silent while nobody asks", async () => {
    const idle = [up, requests(200, "5x400"), ...latency("5x400", "5x400")];
    expect(names(await firing(idle, 360))).toEqual([]);
    expect(names(await firing([up], 360))).toEqual([]);
  });

  it("page within the hour when one request in ten fails, and stop within half an hour", async () => {
    // Two hours of health, an hour of failures, and health again.
    const failing = [
      up,
      requests(200, "0+600x120 72000+540x60 104400+600x120"),
      requests(500, "0x120 0+60x60 3600x120"),
      ...latency("0+600x300", "0+600x300"),
    ];
    expect(names(await firing(failing, 122))).toEqual([]);
    expect(names(await firing(failing, 170))).toContain("AvailabilityBudgetBurn page");
    expect(names(await firing(failing, 205))).not.toContain("AvailabilityBudgetBurn page");
  });

  it("page at once when a service without a past fails one request in ten", async () => {
    const failing = [up, requests(200, "0+540x30"), requests(500, "0+60x30")];
    expect(names(await firing(failing, 3))).toContain("AvailabilityBudgetBurn page");
  });

  it("do not page for a single failure among few requests", async () => {
    const rare = [up, requests(200, "0+1x60"), requests(500, "0 0 1x58")];
    expect(names(await firing(rare, 5))).toEqual([]);
  });

  it("open a ticket when a budget burns slowly", async () => {
    const leaking = [up, requests(200, "0+588x1500"), requests(500, "0+12x1500")];
    const found = names(await firing(leaking, 1440));
    expect(found).toContain("AvailabilityBudgetBurn ticket");
    expect(found).not.toContain("AvailabilityBudgetBurn page");
  });

  it("page when one answer in five is slow", async () => {
    const slow = [up, requests(200, "0+600x60"), ...latency("0+600x60", "0+480x60")];
    expect(names(await firing(slow, 30))).toContain("LatencyBudgetBurn page");
  });

  it("take refusals for protection, and still open a ticket when they last", async () => {
    const full = [up, requests(200, "0+300x60"), requests(429, "0+300x60")];
    expect(names(await firing(full, 5))).toEqual([]);
    expect(names(await firing(full, 30))).toEqual(["RequestsRefused ticket"]);
  });

  it("page when no pod answers", async () => {
    expect(names(await firing([{ ...up, values: "1x5 0x20" }], 4))).toEqual([]);
    expect(names(await firing([{ ...up, values: "1x5 0x20" }], 12))).toEqual([
      "ServiceDown page",
      "TargetDown ticket",
    ]);
    expect(names(await firing([], 5))).toEqual(["ServiceDown page"]);
  });

  describe("for drift", () => {
    const drifting = (psi: number, bound: number, source = "kaggle"): readonly Input[] => [
      up,
      ...(
        [
          [METRIC.drift, psi],
          [METRIC.driftBound, bound],
        ] as const
      ).map(([metric, value]) => ({
        series: `${metric}{${pod},of="embedding",source="${source}"}`,
        values: `${value}x60`,
      })),
    ];

    it("open a ticket when the index stays large, and larger than chance makes it", async () => {
      expect(names(await firing(drifting(0.4, 0.1), 20))).toEqual([]);
      expect(names(await firing(drifting(0.4, 0.1), 40))).toEqual(["PredictionDrift ticket"]);
    });

    it("are silent for a small index, for few photos, and for a model of drawings", async () => {
      expect(names(await firing(drifting(0.2, 0.1), 40))).toEqual([]);
      expect(names(await firing(drifting(3, 4), 40))).toEqual([]);
      expect(names(await firing(drifting(3, 0.1, "sample"), 40))).toEqual([]);
    });
  });

  it("open tickets for refused models, worker faults and restarting containers", async () => {
    const starts = [1, 2, 3, 4].map((id) => ({
      series: `container_start_time_seconds{namespace="cats-dogs",pod="api-1",container="api",id="${id}"}`,
      values: `${id}x20`,
    }));
    const faulty = [
      up,
      { series: `${METRIC.modelRefusals}{${pod},reason="corrupt"}`, values: "0x5 1x20" },
      { series: `${METRIC.workerFaults}{${pod},fault="worker-crashed"}`, values: "0x5 1x20" },
      ...starts,
    ];
    expect(names(await firing(faulty, 10))).toEqual([
      "ContainerRestarts ticket",
      "ModelRefused ticket",
      "WorkerFaults ticket",
    ]);
  });
});
