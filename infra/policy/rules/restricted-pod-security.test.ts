import { describe, expect, it } from "vitest";
import { podSamples } from "../testing/pod-samples.ts";
import { container, podSpec } from "../testing/workloads.ts";
import { restrictedPodSecurity } from "./restricted-pod-security.ts";

describe("restrictedPodSecurity", () => {
  it.each(Object.entries(podSamples.restricted))("lets pass: %s", (_, pod) => {
    expect(restrictedPodSecurity(pod)).toEqual([]);
  });

  it.each(Object.entries(podSamples.unrestricted))("finds: %s", (_, pod) => {
    expect(restrictedPodSecurity(pod)).not.toEqual([]);
  });

  // Kubernetes refuses these for other reasons, too, before it looks at the profile.
  it.each([
    ['container "main" is privileged', { privileged: true }],
    ['container "main" is a host process', { windowsOptions: { hostProcess: true } }],
  ])("finds: %s", (problem, changes) => {
    const { securityContext } = container();
    const pod = podSpec({
      containers: [container({ securityContext: { ...securityContext, ...changes } })],
    });
    expect(restrictedPodSecurity(pod)).toEqual([problem]);
  });

  it("says which container it is, and what is wrong with it", () => {
    const pod = podSpec({
      hostPID: true,
      volumes: [{ name: "etc", hostPath: { path: "/etc" } }],
      initContainers: [container({ name: "first", securityContext: { runAsUser: 0 } })],
    });
    expect(restrictedPodSecurity(pod)).toEqual([
      "the pod shares the host's process ids",
      'volume "etc" is of type hostPath',
      'init container "first" runs as user 0 (runAsUser)',
      'init container "first" may gain privileges; set allowPrivilegeEscalation: false',
      'init container "first" keeps capabilities; set capabilities: {drop: ["ALL"]}',
    ]);
  });
});
