import { describe, expect, it } from "vitest";
import type { Exemption } from "./exemptions.ts";
import { type Declared, judge, judgeBy, UNKNOWN } from "./testing/judge.ts";
import {
  container,
  podSpec,
  WORKLOAD_KINDS,
  type WorkloadKind,
  workload,
} from "./testing/workloads.ts";

const LONG_RUNNING: readonly WorkloadKind[] = WORKLOAD_KINDS.filter(
  (kind) => kind !== "Job" && kind !== "CronJob",
);
const ALL_TARGETS = ["embedded", "minikube", "existing"] as const;

describe("a workload that keeps to everything", () => {
  it.each(WORKLOAD_KINDS)("as %s passes on every target", async (kind) => {
    for (const target of ALL_TARGETS) {
      expect(await judge(target, [workload(kind, podSpec())])).toEqual([]);
    }
  });
});

describe("a workload that keeps to nothing", () => {
  const bare = { containers: [{ name: "a", image: "x" }], initContainers: [{ name: "b" }] };

  it.each(WORKLOAD_KINDS)("as %s is found by every policy of pods", async (kind) => {
    const found = await judge("existing", [workload(kind, bare)]);
    const names = new Set(found.map((line) => line.split(":")[0]));
    const probes = LONG_RUNNING.includes(kind) ? ["probes"] : [];
    expect([...names].sort()).toEqual(
      [
        ...["image-by-digest", "no-latest-image", "requests-and-limits"],
        ...["restricted-pod-security", ...probes],
      ].sort(),
    );
    expect(found).toContain('image-by-digest: container "a" uses the image "x" without a digest');
    expect(found).toContain('requests-and-limits: init container "b" has no resources.limits.cpu');
  });

  it("is found although it declares nothing at all", async () => {
    for (const kind of WORKLOAD_KINDS) {
      const type = workload(kind, {}).type;
      expect(await judge("existing", [{ type, name: "x", inputs: {} }])).toEqual([]);
      expect(await judge("existing", [workload(kind, undefined)])).toEqual([]);
    }
  });

  it("of another API group is none of ours, nor is a patch or a component", async () => {
    const others = [
      "kubernetes:example.org/v1:Deployment",
      "kubernetes:apps/v1:DeploymentPatch",
      "kubernetes:apps/v1:DeploymentList",
      "example:index:Deployment",
    ].map((type) => ({ ...workload("Deployment", bare), type }));
    expect(await judge("existing", others)).toEqual([]);
  });
});

describe("image-by-digest", () => {
  const using = (image: unknown) =>
    workload("Deployment", podSpec({ containers: [container({ image })] }));
  const own = "docker.io/cats-dogs/service:0123456789abcdef";

  it.each([
    ["quay.io/argoproj/argocd:v3.2.6", "minikube", 1],
    ["quay.io/argoproj/argocd:v3.2.6", "existing", 1],
    ["quay.io/argoproj/argocd:v3.2.6", "embedded", 0],
    // Minikube's own store has no digests.
    [own, "minikube", 0],
    [own, "existing", 1],
    ["docker.io/cats-dogs/service:v1", "minikube", 1],
    ["docker.io/cats-dogs.example/service:0123456789abcdef", "minikube", 1],
    [`${own}@sha256:${"0".repeat(64)}`, "existing", 0],
    [`${own}@sha256:short`, "existing", 1],
    [undefined, "existing", 1],
  ] as const)("%s on %s: %i", async (image, target, count) => {
    expect(await judgeBy("image-by-digest", using(image), target)).toHaveLength(count);
  });
});

describe("no-latest-image", () => {
  it.each([
    ["web:latest", 1],
    ["web", 1],
    ["localhost:5000/web", 1],
    ["localhost:5000/web:1", 0],
    ["web:latest@sha256:0", 1],
    ["web@sha256:0", 0],
    ["web:latest-ish", 0],
  ])("%s: %i", async (image, count) => {
    const pod = podSpec({ initContainers: [container({ image })] });
    expect(await judgeBy("no-latest-image", workload("Job", pod))).toHaveLength(count);
  });
});

describe("requests-and-limits", () => {
  it("names each amount that is missing, of each container", async () => {
    const half = { requests: { cpu: "1", memory: "1Mi" }, limits: { memory: "1Mi" } };
    const pod = podSpec({
      containers: [container(), container({ name: "two", resources: half })],
      initContainers: [container({ name: "first", resources: { limits: half.requests } })],
    });
    expect(await judgeBy("requests-and-limits", workload("CronJob", pod))).toEqual([
      'init container "first" has no resources.requests.cpu',
      'init container "first" has no resources.requests.memory',
      'container "two" has no resources.limits.cpu',
    ]);
  });
});

describe("probes", () => {
  const without = container({ readinessProbe: undefined, livenessProbe: undefined });

  it.each(LONG_RUNNING)("are asked of %s, once for each container", async (kind) => {
    const pod = podSpec({ containers: [container({ livenessProbe: undefined }), without] });
    expect(await judgeBy("probes", workload(kind, pod))).toEqual([
      'container "main" has no livenessProbe',
      'container "main" has no readinessProbe',
      'container "main" has no livenessProbe',
    ]);
  });

  it("are asked of sidecars, not of what ends by itself", async () => {
    const sidecar = { ...without, name: "sidecar", restartPolicy: "Always" };
    const pod = podSpec({ initContainers: [without, sidecar] });
    expect(await judgeBy("probes", workload("Deployment", pod))).toEqual([
      'init container "sidecar" has no readinessProbe',
      'init container "sidecar" has no livenessProbe',
    ]);
    const once = podSpec({ restartPolicy: "Never", containers: [without] });
    for (const kind of ["Pod", "Job", "CronJob"] as const) {
      expect(await judgeBy("probes", workload(kind, once))).toEqual([]);
    }
  });
});

describe("no-load-balancer", () => {
  const service = (type: string | undefined): Declared => ({
    ...{ type: "kubernetes:core/v1:Service", name: "web" },
    inputs: { metadata: { name: "web" }, spec: { type } },
  });

  it.each([
    ["embedded", "LoadBalancer", 1],
    ["minikube", "LoadBalancer", 1],
    ["existing", "LoadBalancer", 0],
    ["embedded", "NodePort", 0],
    ["embedded", undefined, 0],
  ] as const)("%s, type %s: %i", async (target, type, count) => {
    expect(await judgeBy("no-load-balancer", service(type), target)).toHaveLength(count);
  });
});

describe("hook-without-ttl", () => {
  const job = (annotations: object | undefined, ttlSecondsAfterFinished?: number): Declared => {
    const { type, name, inputs } = workload("Job", podSpec(), { annotations });
    const { spec } = inputs as { readonly spec: object };
    return { type, name, inputs: { ...inputs, spec: { ...spec, ttlSecondsAfterFinished } } };
  };
  const hook = { "argocd.argoproj.io/hook": "PostSync" };

  it.each([
    [hook, 60, 1],
    [hook, 0, 1],
    [{ "helm.sh/hook": "test" }, 60, 1],
    [hook, undefined, 0],
    [{ other: "x" }, 60, 0],
    [undefined, 60, 0],
  ])("%j with a TTL of %s: %i", async (annotations, ttl, count) => {
    expect(await judgeBy("hook-without-ttl", job(annotations, ttl))).toHaveLength(count);
  });
});

describe("network-policy-in-namespace", () => {
  const namespace = (name: string): Declared => ({
    ...{ type: "kubernetes:core/v1:Namespace", name, inputs: { metadata: { name } } },
  });
  const policyIn = (namespaceName: string): Declared => ({
    ...{ type: "kubernetes:networking.k8s.io/v1:NetworkPolicy", name: "deny" },
    inputs: { metadata: { name: "deny", namespace: namespaceName } },
  });

  it("wants one in each namespace that the program makes", async () => {
    const found = await judge("embedded", [namespace("a"), namespace("b"), policyIn("a")]);
    expect(found).toEqual(['network-policy-in-namespace: the namespace "b" has no NetworkPolicy']);
    expect(await judge("embedded", [namespace("a"), policyIn("a")])).toEqual([]);
    expect(await judge("embedded", [])).toEqual([]);
  });

  it("says nothing while a policy's namespace is not known", async () => {
    expect(await judge("embedded", [namespace("a"), policyIn(UNKNOWN)])).toEqual([]);
  });

  it("can be exempted by the namespace's own name", async () => {
    const exemption: Exemption = {
      policies: ["network-policy-in-namespace"],
      namespace: "b",
      reason: "a test",
    };
    const declared = [namespace("a"), namespace("b")];
    expect(await judge("embedded", declared, [exemption])).toHaveLength(1);
  });
});

describe("a value that a preview does not know", () => {
  it("silences only the rule that needs it", async () => {
    const unknown = container({ image: UNKNOWN, readinessProbe: undefined });
    const pod = podSpec({ containers: [unknown, container({ image: "web" })] });
    expect(await judge("existing", [workload("Deployment", pod)])).toEqual([
      'image-by-digest: container "main" uses the image "web" without a digest',
      'no-latest-image: container "main" uses the image "web", which has no tag',
      'probes: container "main" has no readinessProbe',
    ]);
  });

  it("may be anything, a whole spec included", async () => {
    for (const kind of WORKLOAD_KINDS) {
      expect(await judge("existing", [workload(kind, UNKNOWN)])).toEqual([]);
      expect(await judge("existing", [workload(kind, podSpec({ containers: UNKNOWN }))])).toEqual(
        [],
      );
    }
    const { type, name } = workload("Deployment", {});
    expect(await judge("existing", [{ type, name, inputs: { spec: UNKNOWN } }])).toEqual([]);
  });
});

describe("an exemption", () => {
  const bad = podSpec({ hostNetwork: true, containers: [container({ image: "web:latest" })] });
  const exemption = (more: Partial<Exemption> = {}): Exemption => ({
    policies: ["restricted-pod-security"],
    namespace: "space",
    reason: "a test",
    ...more,
  });
  const count = async (metadata: object, more?: Partial<Exemption>) => {
    const found = await judge(
      "embedded",
      [workload("DaemonSet", bad, metadata)],
      [exemption(more)],
    );
    return found.length;
  };

  it("frees the objects of its namespace of its policies only", async () => {
    expect(await count({})).toBe(1);
    expect(await count({ namespace: "elsewhere" })).toBe(2);
    expect(await count({ namespace: undefined }, { namespace: "default" })).toBe(1);
  });

  it("frees only the object of its name, when it has one", async () => {
    expect(await count({}, { name: "work" })).toBe(1);
    expect(await count({}, { name: "play" })).toBe(2);
  });
});
