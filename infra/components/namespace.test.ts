import { beforeAll, describe, expect, it } from "vitest";
import { objectsOf } from "./testing/pod-security.ts";
import { type Recording, recordProgram } from "./testing/record-program.ts";

describe("PlatformNamespace", () => {
  let recording: Recording;
  beforeAll(async () => {
    recording = await recordProgram(async () => {
      const { PlatformNamespace } = await import("./namespace.ts");
      new PlatformNamespace("platform", { name: "lab" });
    });
  });

  it("makes the API server refuse, warn of and record pods that are not restricted", () => {
    const [namespace] = objectsOf(recording, "core/v1:Namespace");
    expect(namespace?.inputs.metadata).toMatchObject({
      name: "lab",
      labels: {
        "pod-security.kubernetes.io/enforce": "restricted",
        "pod-security.kubernetes.io/warn": "restricted",
        "pod-security.kubernetes.io/audit": "restricted",
      },
    });
  });

  it("gives limits to a container that has none", () => {
    const [range] = objectsOf(recording, "core/v1:LimitRange");
    expect(range?.inputs.spec.limits).toEqual([
      {
        type: "Container",
        defaultRequest: { cpu: "50m", memory: "64Mi" },
        default: { cpu: "500m", memory: "256Mi" },
      },
    ]);
  });
});
