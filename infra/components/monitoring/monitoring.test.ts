import { beforeAll, describe, expect, it } from "vitest";
import { objectsOf, podTemplates, selects } from "../testing/pod-security.ts";
import { type Recording, recordPlatform } from "../testing/record-program.ts";

const sample = { training: { source: "sample" } };
const KIND = "monitoring.coreos.com/v1:";

const named = (recording: Recording, kind: string, name: string) =>
  objectsOf(recording, kind).find((object) => object.name === name)?.inputs;

describe("monitoring from packages", () => {
  let recording: Recording;
  beforeAll(async () => {
    recording = await recordPlatform({ ...sample, monitoring: { storage: "4Gi" } });
  });

  it("picks up every monitor and rule of the cluster", () => {
    const { spec } = named(recording, `${KIND}Prometheus`, "prometheus");
    for (const selector of ["serviceMonitor", "rule"]) {
      expect(spec[`${selector}Selector`]).toEqual({});
      expect(spec[`${selector}NamespaceSelector`]).toEqual({});
    }
  });

  it("runs the images that were assembled, and says their version to the operator", () => {
    for (const [kind, name] of [
      ["Prometheus", "prometheus"],
      ["Alertmanager", "alertmanager"],
    ] as const) {
      const { spec, metadata } = named(recording, KIND + kind, name);
      expect(spec.image).toMatch(new RegExp(`^quay\\.io/${name}:v1\\.2\\.3@sha256:`));
      expect(spec.version).toBe("v1.2.3");
      expect(spec.securityContext).toMatchObject({
        runAsNonRoot: true,
        seccompProfile: { type: "RuntimeDefault" },
      });
      expect(spec.resources.limits).toMatchObject({ memory: expect.any(String) });
      // Both engines wait for this.
      expect(metadata.annotations["pulumi.com/waitFor"]).toBe("condition=Available");
    }
  });

  it("keeps figures for an error budget's 30 days, within nine tenths of the volume", () => {
    const { spec } = named(recording, `${KIND}Prometheus`, "prometheus");
    expect(spec.retention).toBe("31d");
    expect(spec.retentionSize).toBe("3686MB");
    expect(spec.storage.volumeClaimTemplate.spec.resources.requests.storage).toBe("4Gi");
  });

  it("tells the operator which reloader to run", () => {
    const [container] = podTemplates(recording)["monitoring-operator"].spec.containers;
    expect(container.args).toContainEqual(
      expect.stringMatching(/^--prometheus-config-reloader=quay\.io\/prometheus-config-reloader:/),
    );
  });
});

describe.each([
  ["packages", "embedded"],
  ["the chart", "minikube"],
] as const)("with monitoring from %s, the service", (_, kind) => {
  let recording: Recording;
  beforeAll(async () => {
    recording = await recordPlatform({ ...sample, cluster: { kind } });
  });

  it("is scraped through a Service of its own, which no node port opens", () => {
    const { metadata, spec } = named(recording, "core/v1:Service", "api-metrics");
    expect(spec.clusterIP).toBe("None");
    expect(selects(spec.selector, podTemplates(recording)["api"])).toBe(true);
    const monitor = named(recording, `${KIND}ServiceMonitor`, "api-metrics");
    expect(monitor.metadata.namespace).toBe(metadata.namespace);
    expect(metadata.labels).toMatchObject(monitor.spec.selector.matchLabels);
    const ports = spec.ports.map(({ name }: { name: string }) => name);
    expect(ports).toContain(monitor.spec.endpoints[0].port);
    // The rules and dashboards ask for this job.
    expect(monitor.spec.endpoints[0].relabelings).toEqual([
      { targetLabel: "job", replacement: "api", action: "replace" },
    ]);
  });

  it("may ask Prometheus and the cluster's DNS, and nothing else", () => {
    const { egress } = named(recording, "networking.k8s.io/v1:NetworkPolicy", "api").spec;
    expect(egress).toHaveLength(2);
    expect(egress[1]).toEqual({
      to: [
        {
          namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "monitoring" } },
          podSelector: { matchLabels: { "app.kubernetes.io/name": "prometheus" } },
        },
      ],
      ports: [{ protocol: "TCP", port: 9090 }],
    });
  });

  it("finds its panels where its environment says", () => {
    const { containers, volumes } = podTemplates(recording)["api"].spec;
    expect(containers[0].env).toContainEqual({
      name: "PROMETHEUS_URL",
      value: "http://prometheus-operated.monitoring.svc:9090",
    });
    const panels = named(recording, "core/v1:ConfigMap", "status-panels");
    expect(volumes).toContainEqual({
      name: "status-panels",
      configMap: { name: panels.metadata.name },
    });
    const mount = containers[0].volumeMounts.find(
      ({ name }: { name: string }) => name === "status-panels",
    );
    expect(containers[0].env).toContainEqual({
      name: "STATUS_PANELS",
      value: `${mount.mountPath}/${Object.keys(panels.data)[0]}`,
    });
  });

  it("has its dashboard where Grafana's sidecar finds it", () => {
    const { metadata, data } = named(recording, "core/v1:ConfigMap", "dashboard");
    expect(metadata.labels["grafana_dashboard"]).toBe("1");
    expect(JSON.parse(data["platform.json"]).panels.length).toBeGreaterThan(20);
  });
});

describe("monitoring from the chart", () => {
  let recording: Recording;
  beforeAll(async () => {
    recording = await recordPlatform({ ...sample, cluster: { kind: "minikube" } });
  });
  const release = () => named(recording, "helm.sh/v3:Release", "monitoring-chart");

  it("picks up monitors and rules whatever their labels", () => {
    const spec = release().values.prometheus.prometheusSpec;
    for (const kind of ["podMonitor", "probe", "rule", "scrapeConfig", "serviceMonitor"]) {
      expect(spec[`${kind}SelectorNilUsesHelmValues`]).toBe(false);
    }
  });

  it("does not watch what a local cluster hides", () => {
    for (const part of ["ControllerManager", "Etcd", "Proxy", "Scheduler"]) {
      expect(release().values[`kube${part}`]).toEqual({ enabled: false });
    }
  });

  it("gives Grafana a password that was made for it", () => {
    const secret = named(recording, "core/v1:Secret", "monitoring-chart");
    expect(release().values.grafana.admin.existingSecret).toBe(secret.metadata.name);
    expect(JSON.stringify(release().values)).not.toContain("adminPassword");
  });

  it("is pinned", () => {
    expect(release().version).toMatch(/^\d+\.\d+\.\d+$/);
  });
});
