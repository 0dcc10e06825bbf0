import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { platformRules } from "../../infra/components/monitoring/alerts.ts";
import { predictionsRow } from "../../infra/components/monitoring/dashboards/predictions-row.ts";
import { tryCommand } from "../../infra/run-command.ts";
import { METRIC } from "../../service/metric-names.ts";
import { ensurePromtool } from "../fixtures/promtool.ts";

const target = { namespace: "cats-dogs", job: "api" };
/** Pods by how many photos they saw. Values that have an exact quotient. */
const pods = [
  { pod: "first-photo", index: 1.5, bound: 24, shown: 0.0625 },
  { pod: "many-photos", index: 0.125, bound: 0.09, shown: 0.5 },
  { pod: "many-strange-photos", index: 0.25390625, bound: 0.09, shown: 1.015625 },
] as const;

it.skipIf(!existsSync("/usr/bin/apt-get"))(
  "the drift panel passes its line for the pods alone for which the alert fires",
  async () => {
    const directory = await mkdtemp(join(tmpdir(), "drift-panel-"));
    try {
      const panel = predictionsRow(target).panels.find(({ id }) => id === "drift");
      const alert = platformRules(target, "")
        .flatMap(({ rules }) => rules)
        .find((rule) => rule.alert === "PredictionDrift");
      const [chart, line] = panel?.queries ?? [];
      const seriesOf = (metric: string, pod: string, value: number) => ({
        series: `${metric}{namespace="cats-dogs",job="api",pod="${pod}",of="embedding",source="kaggle"}`,
        values: String(value),
      });
      const asked = (expr: string | undefined, samples: readonly object[]) => ({
        ...{ expr, eval_time: "0m", exp_samples: samples },
      });
      const test = {
        tests: [
          {
            interval: "1m",
            input_series: pods.flatMap(({ pod, index, bound }) => [
              seriesOf(METRIC.drift, pod, index),
              seriesOf(METRIC.driftBound, pod, bound),
            ]),
            promql_expr_test: [
              asked(
                chart?.expr,
                pods.map(({ pod, shown }) => ({
                  labels: `{of="embedding",pod="${pod}"}`,
                  value: shown,
                })),
              ),
              asked(line?.expr, [{ labels: "{}", value: 1 }]),
              asked(alert?.expr, [{ labels: '{of="embedding"}', value: 0.25390625 }]),
            ],
          },
        ],
      };
      await writeFile(join(directory, "test.json"), JSON.stringify(test));
      const { code, stdout, stderr } = await tryCommand(
        await ensurePromtool(),
        ["test", "rules", "test.json"],
        { cwd: directory },
      );
      expect(code, stdout + stderr).toBe(0);
    } finally {
      await rm(directory, { recursive: true });
    }
  },
);
