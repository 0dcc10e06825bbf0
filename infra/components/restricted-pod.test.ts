import { describe, expect, it } from "vitest";
import { modelStoreMount, restrictedPodSpec, scratch } from "./restricted-pod.ts";
import { podViolations } from "./testing/pod-security.ts";

const amounts = { cpu: "1", memory: "1Gi" };

const spec = () =>
  restrictedPodSpec({
    pod: { restartPolicy: "Never" },
    container: { name: "a", image: "b", resources: { requests: amounts, limits: amounts } },
    mounts: [modelStoreMount("claim", "read"), scratch("scratch", "/scratch", "1Gi")],
  });

// biome-ignore lint/suspicious/noExplicitAny: the point is to break what the types guard
const broken = (change: (pod: any, container: any) => void) => {
  const pod = structuredClone(spec());
  change(pod, Reflect.get(Object(pod.containers), 0));
  return podViolations(pod);
};

describe("restrictedPodSpec", () => {
  it("satisfies the restricted profile", () => {
    expect(podViolations(spec())).toEqual([]);
  });

  it("mounts every volume once, and /tmp always", () => {
    const pod = JSON.parse(JSON.stringify(spec()));
    expect(pod.containers[0].volumeMounts).toEqual([
      { name: "models", mountPath: "/models", readOnly: true },
      { name: "scratch", mountPath: "/scratch" },
      { name: "tmp", mountPath: "/tmp" },
    ]);
    expect(pod.volumes).toEqual([
      { name: "models", persistentVolumeClaim: { claimName: "claim", readOnly: true } },
      { name: "scratch", emptyDir: { sizeLimit: "1Gi" } },
      { name: "tmp", emptyDir: { sizeLimit: "256Mi" } },
    ]);
  });

  it("lets the group of the pod write volumes", () => {
    expect(spec().securityContext).toMatchObject({ runAsUser: 1000, fsGroup: 1000 });
  });
});

describe("podViolations", () => {
  it.each([
    [
      "the pod shares the host's network",
      broken((pod) => Object.assign(pod, { hostNetwork: true })),
    ],
    [
      "service-account token",
      broken((pod) => Object.assign(pod, { automountServiceAccountToken: true })),
    ],
    [
      'container "a" may write its root file system',
      broken((_, c) => Object.assign(c.securityContext, { readOnlyRootFilesystem: false })),
    ],
    [
      'container "a" has no resources.requests.memory',
      broken((_, c) => Object.assign(c.resources, { requests: { cpu: "1" } })),
    ],
    ["no container", broken((pod) => Object.assign(pod, { containers: [] }))],
  ])("notices %s", (violation, found) => {
    expect(found).toEqual([violation]);
  });
});
