import { describe, expect, it } from "vitest";
import { checkFor, hasReadyEndpoint, needsEndpoints, type Readiness } from "./readiness.ts";
import type { KubernetesObject } from "./types.ts";

const object = (
  apiVersion: string,
  kind: string,
  parts: { spec?: object; status?: object; generation?: number },
): KubernetesObject => ({
  apiVersion,
  kind,
  metadata: { name: "n", namespace: "s", generation: parts.generation ?? 1 },
  spec: { ...parts.spec },
  status: { ...parts.status },
});

const check = (...parts: Parameters<typeof object>): Readiness | undefined => {
  const made = object(...parts);
  return checkFor(made)?.check(made);
};
const waiting = (text: string): Readiness => ({ state: "waiting", text });
const ready: Readiness = { state: "ready" };

describe("Deployment", () => {
  const deployment = (status: object, generation = 1) =>
    check("apps/v1", "Deployment", { spec: { replicas: 2 }, status, generation });
  const whole = { observedGeneration: 1, replicas: 2, updatedReplicas: 2, availableReplicas: 2 };

  it.each([
    [whole, ready],
    [{}, waiting("not yet seen by its controller")],
    [{ ...whole, updatedReplicas: 1 }, waiting("1 of 2 replicas updated")],
    [{ ...whole, replicas: 3 }, waiting("old replicas still terminating")],
    [{ ...whole, availableReplicas: 1 }, waiting("1 of 2 replicas ready")],
  ])("%j", (status, readiness) => {
    expect(deployment(status)).toEqual(readiness);
  });

  it("is not ready by what its controller said of an earlier version", () => {
    expect(deployment(whole, 2)).toEqual(waiting("not yet seen by its controller"));
  });

  it("has failed when it makes no progress any more", () => {
    const condition = {
      ...{ type: "Progressing", status: "False" },
      ...{ reason: "ProgressDeadlineExceeded", message: "too slow" },
    };
    expect(deployment({ ...whole, availableReplicas: 0, conditions: [condition] })).toEqual({
      state: "failed",
      text: "ProgressDeadlineExceeded: too slow",
    });
  });

  it("of no replicas is ready at once", () => {
    const status = { observedGeneration: 1 };
    expect(check("apps/v1", "Deployment", { spec: { replicas: 0 }, status })).toEqual(ready);
  });
});

describe("other kinds", () => {
  it.each([
    [
      "apps/v1",
      "StatefulSet",
      { readyReplicas: 0, observedGeneration: 1 },
      "0 of 1 replicas ready",
    ],
    [
      ...(["apps/v1", "StatefulSet"] as const),
      { readyReplicas: 1, updatedReplicas: 0, observedGeneration: 1 },
      "0 of 1 replicas updated",
    ],
    [
      ...(["apps/v1", "DaemonSet"] as const),
      { desiredNumberScheduled: 1, updatedNumberScheduled: 1, observedGeneration: 1 },
      "0 of 1 pods ready",
    ],
    ["batch/v1", "Job", { active: 1, failed: 2 }, "1 running, 2 failed"],
    ["v1", "Pod", { phase: "Pending" }, "Pending"],
    ["v1", "PersistentVolumeClaim", { phase: "Pending" }, "Pending"],
    ["v1", "Namespace", {}, "Pending"],
    ["apiextensions.k8s.io/v1", "CustomResourceDefinition", {}, "not yet established"],
  ])("%s %s waits: %j", (apiVersion, kind, status, text) => {
    expect(check(apiVersion, kind, { status })).toEqual(waiting(text));
  });

  const condition = (type: string, status = "True") => ({ conditions: [{ type, status }] });
  it.each([
    ["apps/v1", "StatefulSet", { readyReplicas: 1, updatedReplicas: 1, observedGeneration: 1 }],
    ["apps/v1", "DaemonSet", { observedGeneration: 1 }],
    ["batch/v1", "Job", condition("Complete")],
    ["v1", "Pod", condition("Ready")],
    ["v1", "Pod", { phase: "Succeeded" }],
    ["v1", "PersistentVolumeClaim", { phase: "Bound" }],
    ["v1", "Namespace", { phase: "Active" }],
    ["apiextensions.k8s.io/v1", "CustomResourceDefinition", condition("Established")],
  ])("%s %s is ready: %j", (apiVersion, kind, status) => {
    expect(check(apiVersion, kind, { status })).toEqual(ready);
  });

  it.each([
    ["batch/v1", "Job", condition("Failed")],
    ["v1", "Pod", { phase: "Failed" }],
    ["v1", "PersistentVolumeClaim", { phase: "Lost" }],
    ["apiextensions.k8s.io/v1", "CustomResourceDefinition", condition("NamesAccepted", "False")],
  ])("%s %s has failed: %j", (apiVersion, kind, status) => {
    expect(check(apiVersion, kind, { status })?.state).toBe("failed");
  });

  it("of which nothing is known are ready when they exist, whatever their group", () => {
    expect(checkFor({ apiVersion: "v1", kind: "ConfigMap" })).toBeUndefined();
    expect(checkFor({ apiVersion: "argoproj.io/v1alpha1", kind: "Job" })).toBeUndefined();
  });
});

describe("Service", () => {
  const service = (spec: object) => object("v1", "Service", { spec });
  it.each([
    [{ selector: { app: "a" }, clusterIP: "10.0.0.1" }, true],
    [{ selector: { app: "a" }, clusterIP: "None" }, false],
    [{ selector: {}, clusterIP: "10.0.0.1" }, false],
    [{ clusterIP: "10.0.0.1" }, false],
    [{ type: "ExternalName", selector: { app: "a" } }, false],
  ])("%j waits for endpoints: %s", (spec, expected) => {
    expect(needsEndpoints(service(spec))).toBe(expected);
  });

  it("counts endpoints that take traffic", () => {
    expect(hasReadyEndpoint({ endpoints: [{ conditions: { ready: false } }] })).toBe(false);
    expect(hasReadyEndpoint({ endpoints: [{ conditions: { ready: true } }] })).toBe(true);
    expect(hasReadyEndpoint({ endpoints: [{}] })).toBe(true);
    expect(hasReadyEndpoint({})).toBe(false);
  });

  it("of type LoadBalancer waits for an address", () => {
    const spec = { type: "LoadBalancer" };
    expect(check("v1", "Service", { spec })?.state).toBe("waiting");
    const status = { loadBalancer: { ingress: [{ ip: "1.2.3.4" }] } };
    expect(check("v1", "Service", { spec, status })).toEqual(ready);
  });
});
