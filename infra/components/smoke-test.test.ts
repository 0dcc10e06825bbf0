import { beforeAll, describe, expect, it } from "vitest";
import { objectsOf, podTemplates, selects } from "./testing/pod-security.ts";
import { type Recording, recordPlatform } from "./testing/record-program.ts";

const record = (service: Record<string, unknown> = {}) =>
  recordPlatform({ training: { source: "sample" }, service });

const templateOf = (recording: Recording) => podTemplates(recording)["smoke-test"];

describe("SmokeTest", () => {
  let recording: Recording;
  beforeAll(async () => {
    recording = await record();
  });

  it("tests the service through its address in the cluster, with the image that serves", () => {
    const [container] = templateOf(recording).spec.containers;
    expect(container).toMatchObject({
      image: podTemplates(recording)["api"].spec.containers[0].image,
      command: ["node", "service/smoke-test.cjs"],
      args: ["--url", "http://api.cats-dogs.svc:8080", "--model", "/models"],
    });
    expect(container.volumeMounts[0]).toEqual({
      name: "models",
      mountPath: "/models",
      readOnly: true,
    });
  });

  it("asks for the answers of the network that the service was told to serve", async () => {
    const [container] = templateOf(await record({ models: { precision: "int8" } })).spec.containers;
    expect(container.args.slice(-2)).toEqual(["--precision", "int8"]);
  });

  it("fails the deployment at its first failure and stays to be read", () => {
    const [job] = objectsOf(recording, "batch/v1:Job").filter(({ name }) => name === "smoke-test");
    expect(job?.inputs.spec).toMatchObject({ backoffLimit: 0, activeDeadlineSeconds: 180 });
    expect(job?.inputs.spec).not.toHaveProperty("ttlSecondsAfterFinished");
    // So that the Pulumi CLI makes it anew when it failed, instead of waiting for it each time.
    expect(job?.inputs.metadata.annotations).toEqual({ "pulumi.com/replaceUnready": "true" });
  });

  it("is another pod, so runs again, when the service's pods change, and only then", async () => {
    const annotationsOf = (other: Recording) => templateOf(other).metadata.annotations;
    const first = annotationsOf(recording);
    expect(first).toEqual({
      "image-classification-platform/service": expect.stringMatching(/^[0-9a-f]{64}$/),
      "image-classification-platform/training-run": "uid of training",
    });
    expect(annotationsOf(await record({ replicas: 2 }))).toEqual(first);
    const bigger = await record({ resources: { limits: { memory: "2Gi" } } });
    expect(annotationsOf(bigger)["image-classification-platform/service"]).not.toBe(
      first["image-classification-platform/service"],
    );
  });

  it("may reach the service and DNS only", () => {
    const policy = objectsOf(recording, "networking.k8s.io/v1:NetworkPolicy").find(
      ({ name }) => name === "smoke-test",
    );
    const [dns, service, ...more] = policy?.inputs.spec.egress ?? [];
    expect(more).toEqual([]);
    expect(dns.ports.map(({ port }: { port: number }) => port)).toEqual([53, 53]);
    expect(service.ports).toEqual([{ protocol: "TCP", port: "http" }]);
    expect(selects(service.to[0].podSelector.matchLabels, podTemplates(recording)["api"])).toBe(
      true,
    );
  });
});
