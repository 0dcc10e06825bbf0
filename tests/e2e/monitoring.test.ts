import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { findChromium } from "../fixtures/chromium.ts";
import { killContainer, predict, url } from "./cluster.ts";
import { steadyLoad } from "./load.ts";
import { askPrometheus, query, until } from "./monitoring-support.ts";
import { screenshot } from "./screenshot.ts";
import { skipped } from "./skipped.ts";
import { kubectl, kubectlJson, make, repository } from "./support.ts";

type Panel = {
  readonly id: string;
  readonly title: string;
  readonly queries: readonly { readonly expr: string }[];
};
type Alert = { readonly state: string; readonly labels: Readonly<Record<string, string>> };

const panels = async (): Promise<readonly Panel[]> => {
  const map = await kubectlJson<{ data: Record<string, string> }>(
    ...["get", "configmap", "status-panels", "-n", "cats-dogs"],
  );
  const { rows } = JSON.parse(map.data["panels.json"] ?? "") as {
    rows: readonly { readonly panels: readonly Panel[] }[];
  };
  return rows.flatMap((row) => row.panels);
};

/** How long anything may take, in seconds: long, since it ends when it has come. */
const PATIENCE = 600;

/*
 * The monitoring stack on a real cluster, after a minute of traffic: what it shows, and that it is silent when all is well.
 */
describe.skipIf(skipped)(`monitoring${skipped}`, () => {
  let sent = 0;

  beforeAll(async () => {
    // What happened to the platform before is on record and may be a reason for an alert.
    expect((await make("down")).code).toBe(0);
    const up = await make("up");
    expect(up.code, up.stdout + up.stderr).toBe(0);
    const answered = 'http_requests_total{job="api",route="/predict",status="200"}';
    const load = steadyLoad(predict);
    try {
      // A minute of traffic, as Prometheus counts it.
      const samples = await until(
        PATIENCE,
        () => query(`sum(${answered}) > 0 and sum(${answered} offset 1m) > 0`),
        (found) => found.length > 0,
      );
      expect(samples).not.toEqual([]);
      // Prometheus hears of a new target within a minute or two.
      const syncs = () => query("argocd_app_sync_total");
      expect(await until(PATIENCE, syncs, (found) => found.length > 0)).not.toEqual([]);
    } finally {
      const result = await load.stop();
      expect(result.failures).toEqual([]);
      sent = result.sent;
    }
  });
  it("scrapes the service, Argo CD, the kubelet and the node", async () => {
    const samples = await until(
      PATIENCE,
      () => query("up"),
      (found) => found.every(({ value }) => value[1] === "1"),
    );
    expect(samples.filter(({ value }) => value[1] !== "1")).toEqual([]);
    const jobs = new Set(samples.map(({ metric }) => metric["job"]));
    expect([...jobs].sort()).toEqual(["api", "argo-cd", "kubelet", "node-exporter"]);
  });

  it("counts every prediction that was asked for", async () => {
    const total = async (): Promise<number> => {
      const [sample] = await query('sum(http_requests_total{job="api",route="/predict"})');
      return Number(sample?.value[1]);
    };
    expect(await until(PATIENCE, total, (count) => count >= sent)).toBeGreaterThanOrEqual(sent);
  });

  it("has data for every query of every panel", async () => {
    const all = await panels();
    expect(all.length).toBeGreaterThan(20);
    const hasNumbers = async (expr: string): Promise<boolean> =>
      (await query(expr)).some(({ value }) => Number.isFinite(Number(value[1])));
    const emptyPanels = async (): Promise<string[]> => {
      const empty: string[] = [];
      for (const { id, queries } of all) {
        for (const { expr } of queries) if (!(await hasNumbers(expr))) empty.push(`${id}: ${expr}`);
      }
      return empty;
    };
    // A rate needs two scrapes, and traffic within its window.
    const load = steadyLoad(predict);
    try {
      expect(await until(PATIENCE, emptyPanels, (empty) => empty.length === 0)).toEqual([]);
    } finally {
      await load.stop();
    }
  });

  it("is silent but for Watchdog, which reaches Alertmanager", async () => {
    const { alerts } = await askPrometheus<{ alerts: readonly Alert[] }>("/api/v1/alerts");
    const firing = alerts.filter(({ state }) => state === "firing");
    const names = firing.map(({ labels }) => labels["alertname"]);
    // On a machine with other work answers do take long, and then it is right to say so.
    const fast = 'http_request_duration_seconds_bucket{route="/predict",status="200",le="0.25"}';
    const all = 'http_request_duration_seconds_count{route="/predict",status="200"}';
    const [slow] = await query(`1 - sum(${fast}) / sum(${all})`);
    const right = Number(slow?.value[1]) > 0.01 ? ["LatencyBudgetBurn"] : [];
    expect(names.filter((name) => !right.includes(name ?? ""))).toEqual(["Watchdog"]);
    const service = "/api/v1/namespaces/monitoring/services/alertmanager-operated:9093/proxy";
    const received = await until(
      PATIENCE,
      async () => (await kubectl("get", "--raw", `${service}/api/v2/alerts`)).stdout,
      (text) => text.includes("Watchdog"),
    );
    expect(received).toContain('"alertname":"Watchdog"');
  });

  it("loaded its rules without an error", async () => {
    const { groups } = await askPrometheus<{
      groups: readonly { readonly rules: readonly { readonly health: string }[] }[];
    }>("/api/v1/rules");
    const health = groups.flatMap(({ rules }) => rules.map((rule) => rule.health));
    expect(health.length).toBeGreaterThan(20);
    expect([...new Set(health)]).toEqual(["ok"]);
  });

  it("runs its pods under the restricted profile", async () => {
    const namespace = await kubectlJson<{ metadata: { labels: Record<string, string> } }>(
      ...["get", "namespace", "monitoring"],
    );
    expect(namespace.metadata.labels["pod-security.kubernetes.io/enforce"]).toBe("restricted");
    const pods = await kubectlJson<{ items: { status: { phase: string } }[] }>(
      ...["get", "pods", "-n", "monitoring"],
    );
    expect(pods.items.length).toBeGreaterThanOrEqual(4);
    expect(pods.items.filter(({ status }) => status.phase !== "Running")).toEqual([]);
  });

  it("draws every panel on /status", async () => {
    // A chart ends at a whole step, so a figure that was first scraped since is not on it yet.
    const page = await vi.waitFor(
      async () => {
        const text = await (await fetch(`${url}/status`)).text();
        expect(text).not.toContain("no data yet");
        return text;
      },
      { timeout: PATIENCE * 1000, interval: 2000 },
    );
    for (const { id, title } of await panels()) {
      const figure = page.slice(page.indexOf(`<figure id="${id}"`)).split("</figure>")[0] ?? "";
      expect(figure, id).toMatch(/<path class="line"|<rect |class="number"/);
      expect(figure, id).toContain(`<caption>${title}</caption>`);
    }
  });

  const noBrowser = findChromium() === undefined ? " (skipped: there is no Chromium)" : "";
  it.skipIf(noBrowser)(`shows /status in a real browser${noBrowser}`, async () => {
    const directory = join(repository, "artifacts", "screenshots");
    mkdirSync(directory, { recursive: true });
    for (const scheme of ["light", "dark"] as const) {
      const seen = await screenshot(
        `${url}/status`,
        scheme,
        join(directory, `status-${scheme}.png`),
      );
      expect(seen.errors).toEqual([]);
      expect(seen.charts).toBeGreaterThan(20);
      expect(seen.overflow).toBe(false);
    }
  });

  it("gets over a crash of Prometheus", async () => {
    await killContainer("monitoring", "app.kubernetes.io/name=prometheus", "prometheus");
    const samples = await until(
      PATIENCE,
      () => query("up").catch(() => []),
      (found) => found.length >= 3,
    );
    expect(samples.length).toBeGreaterThanOrEqual(3);
    // Its figures from before are still there.
    expect(await query('http_requests_total{job="api"} offset 1m')).not.toEqual([]);
  });
});
