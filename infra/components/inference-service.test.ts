import { beforeAll, describe, expect, it } from "vitest";
import { objectsOf, podTemplates, selects } from "./testing/pod-security.ts";
import { type Recording, recordPlatform } from "./testing/record-program.ts";

const sample = { training: { source: "sample" } };

/** Any file that can be read will do: the kubeconfig is not opened before an object is sent somewhere. */
const existing = {
  ...{ kind: "existing", kubeconfig: import.meta.filename, context: "lab" },
  registry: "registry.example.org/team",
};

const only = (recording: Recording, kind: string) => {
  const [object, ...more] = objectsOf(recording, kind).filter(({ name }) => name === "api");
  expect(more).toEqual([]);
  return object?.inputs;
};

describe("InferenceService", () => {
  let recording: Recording;
  beforeAll(async () => {
    const monitoring = { enabled: false };
    recording = await recordPlatform({
      ...sample,
      monitoring,
      service: { replicas: 3, port: 8_090 },
    });
  });
  const template = () => podTemplates(recording)["api"];
  const container = () => template().spec.containers[0];

  it("reads the model store and writes only scratch space", () => {
    expect(container().env).toContainEqual({ name: "MODEL_DIR", value: "/models" });
    expect(container().env).toContainEqual({ name: "HOST", value: "0.0.0.0" });
    expect(container().volumeMounts).toEqual([
      { name: "models", mountPath: "/models", readOnly: true },
      { name: "tmp", mountPath: "/tmp" },
    ]);
    expect(container().image).toMatch(/^docker\.io\/cats-dogs\/service@sha256:/);
  });

  it("has more time to end than its own drain takes", () => {
    const seconds = Object.fromEntries(
      container().env.map(({ name, value }: { name: string; value: string }) => [
        name,
        Number(value),
      ]),
    );
    expect(template().spec.terminationGracePeriodSeconds).toBeGreaterThan(
      seconds["DRAIN_DELAY"] + seconds["DRAIN_TIMEOUT"],
    );
  });

  it("is probed on the port that it serves, and ready only when it can answer", () => {
    const probes = ["startupProbe", "livenessProbe", "readinessProbe"].map((name) => [
      name,
      container()[name].httpGet,
    ]);
    expect(Object.fromEntries(probes)).toEqual({
      startupProbe: { path: "/livez", port: "http" },
      livenessProbe: { path: "/livez", port: "http" },
      readinessProbe: { path: "/readyz", port: "http" },
    });
    expect(container().ports).toEqual([
      { name: "http", containerPort: 8080 },
      { name: "metrics", containerPort: 9090 },
    ]);
  });

  it("rolls out without a pod less, and spares a pod in disruptions", () => {
    const { spec } = only(recording, "apps/v1:Deployment");
    expect(spec.replicas).toBe(3);
    expect(spec.strategy.rollingUpdate).toEqual({ maxSurge: 1, maxUnavailable: 0 });
    const budget = only(recording, "policy/v1:PodDisruptionBudget").spec;
    expect(budget.maxUnavailable).toBe(1);
    for (const { matchLabels } of [spec.selector, budget.selector]) {
      expect(selects(matchLabels, template())).toBe(true);
    }
  });

  it("leaves the number of pods to an autoscaler, where there is one", async () => {
    const scaled = await recordPlatform({ ...sample, cluster: existing });
    const { spec } = only(scaled, "apps/v1:Deployment");
    expect(spec).not.toHaveProperty("replicas");
    const [container] = spec.template.spec.containers;
    expect(container.resources.requests.cpu).toBe("500m");
    expect(only(scaled, "autoscaling/v2:HorizontalPodAutoscaler").spec).toEqual({
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "api" },
      ...{ minReplicas: 2, maxReplicas: 6 },
      metrics: [
        {
          type: "Resource",
          resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 70 } },
        },
      ],
    });
    expect(objectsOf(recording, "autoscaling/v2:HorizontalPodAutoscaler")).toEqual([]);
  });

  it("spreads over zones and nodes when the model store is shared", async () => {
    const shared = await recordPlatform({
      ...sample,
      cluster: existing,
      modelStore: { accessMode: "ReadWriteMany" },
    });
    const pods = podTemplates(shared);
    for (const name of ["api", "smoke-test"]) expect(pods[name].spec.affinity).toBeUndefined();
    const { topologySpreadConstraints: spread } = pods["api"].spec;
    expect(spread.map(({ topologyKey }: { topologyKey: string }) => topologyKey)).toEqual([
      ...["topology.kubernetes.io/zone", "kubernetes.io/hostname"],
    ]);
    for (const { labelSelector, whenUnsatisfiable } of spread) {
      expect(selects(labelSelector.matchLabels, pods["api"])).toBe(true);
      expect(whenUnsatisfiable).toBe("ScheduleAnyway");
    }
    expect(template().spec.topologySpreadConstraints).toBeUndefined();
  });

  it("keeps the readers of the ReadWriteOnce model store on one node", () => {
    for (const name of ["api", "smoke-test"]) {
      const [term] =
        podTemplates(recording)[name].spec.affinity.podAffinity
          .requiredDuringSchedulingIgnoredDuringExecution;
      expect(term.topologyKey).toBe("kubernetes.io/hostname");
      expect(selects(term.labelSelector.matchLabels, template())).toBe(true);
    }
  });

  it("is a node port on the embedded cluster, and picks its own pods only", () => {
    const { spec } = only(recording, "core/v1:Service");
    expect(spec.type).toBe("NodePort");
    expect(spec.ports).toEqual([
      { name: "http", port: 8_090, targetPort: "http", nodePort: 8_090 },
    ]);
    const picked = Object.entries(podTemplates(recording)).filter(([, pod]) =>
      selects(spec.selector, pod),
    );
    expect(picked.map(([name]) => name)).toEqual(["api"]);
  });

  it("is a cluster address elsewhere", async () => {
    const elsewhere = await recordPlatform({ ...sample, cluster: { kind: "minikube" } });
    const { spec } = only(elsewhere, "core/v1:Service");
    expect(spec.type).toBe("ClusterIP");
    expect(spec.ports).toEqual([{ name: "http", port: 8080, targetPort: "http" }]);
  });

  it("may be asked for predictions by anyone, for metrics by pods, and asks nobody", () => {
    const policy = objectsOf(recording, "networking.k8s.io/v1:NetworkPolicy").find(
      ({ name }) => name === "api",
    );
    expect(policy?.inputs.spec).toMatchObject({
      policyTypes: ["Ingress", "Egress"],
      ingress: [
        { ports: [{ port: 8080 }] },
        { from: [{ namespaceSelector: {} }], ports: [{ port: 9090 }] },
      ],
    });
    expect(policy?.inputs.spec.egress).toBeUndefined();
  });

  it("with monitoring draws its panels, and asks nobody but Prometheus", async () => {
    const monitored = await recordPlatform(sample);
    expect(podTemplates(monitored)["api"].spec.containers[0].volumeMounts).toContainEqual({
      name: "status-panels",
      mountPath: "/status-panels",
      readOnly: true,
    });
    const policy = only(monitored, "networking.k8s.io/v1:NetworkPolicy");
    expect(policy?.spec.egress.at(-1)).toMatchObject({
      to: [{ podSelector: { matchLabels: { "app.kubernetes.io/name": "prometheus" } } }],
      ports: [{ protocol: "TCP", port: 9090 }],
    });
    expect(policy?.spec.egress, "besides DNS").toHaveLength(2);
  });
});
