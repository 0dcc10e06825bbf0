import { beforeAll, describe, expect, it } from "vitest";
import { objectsOf, podTemplates, podViolations, selects } from "./testing/pod-security.ts";
import { type Recording, recordPlatform } from "./testing/record-program.ts";

const record = (tracking: Record<string, unknown> = {}) =>
  recordPlatform({ training: { source: "sample" }, tracking });

const policyOf = (recording: Recording, owner: string) =>
  objectsOf(recording, "networking.k8s.io/v1:NetworkPolicy").find(({ name }) => name === owner)
    ?.inputs.spec;

describe("TrackingServer", () => {
  let recording: Recording;
  beforeAll(async () => {
    recording = await record({ size: "5Gi" });
  });

  it("keeps its database and its files on a volume of the size that was asked for", () => {
    const claim = objectsOf(recording, "core/v1:PersistentVolumeClaim").find(
      ({ name }) => name === "tracking",
    );
    expect(claim?.inputs.spec.resources.requests.storage).toBe("5Gi");
    const { spec } = podTemplates(recording)["tracking"];
    expect(spec.containers[0].volumeMounts[0]).toEqual({ name: "data", mountPath: "/data" });
    expect(spec.containers[0].args).toEqual(
      expect.arrayContaining(["sqlite:////data/mlflow.db", "/data/artifacts"]),
    );
    expect(podViolations(spec)).toEqual([]);
  });

  it("never lets two pods write the database", () => {
    const [deployment] = objectsOf(recording, "apps/v1:Deployment").filter(
      ({ name }) => name === "tracking",
    );
    expect(deployment?.inputs.spec).toMatchObject({
      replicas: 1,
      strategy: { type: "Recreate" },
    });
  });

  it("answers the training's pods and nobody else, and calls nobody", () => {
    const policy = policyOf(recording, "tracking");
    expect(selects(policy.podSelector.matchLabels, podTemplates(recording)["tracking"])).toBe(true);
    expect(policy.policyTypes).toEqual(["Ingress", "Egress"]);
    expect(policy.egress).toBeUndefined();
    const [rule, ...more] = policy.ingress;
    expect(more).toEqual([]);
    expect(rule.from).toHaveLength(1);
    const templates = podTemplates(recording);
    const allowed = Object.keys(templates).filter((name) =>
      selects(rule.from[0].podSelector.matchLabels, templates[name]),
    );
    expect(allowed).toEqual(["training"]);
    expect(rule.ports).toEqual([{ protocol: "TCP", port: 5000 }]);
  });

  it("is known to the training, which keeps on its volume what could not be sent", () => {
    const { env } = podTemplates(recording)["training"].spec.containers[0];
    expect(env).toEqual(
      expect.arrayContaining([
        { name: "MLFLOW_TRACKING_URI", value: "http://tracking:5000" },
        { name: "TRACKING_COPIES", value: "/models/tracking" },
      ]),
    );
    const [dns, server, ...more] = policyOf(recording, "training").egress;
    expect(more).toEqual([]);
    expect(dns.ports.map(({ port }: { port: number }) => port)).toEqual([53, 53]);
    expect(selects(server.to[0].podSelector.matchLabels, podTemplates(recording)["tracking"])).toBe(
      true,
    );
  });

  it("accepts requests to the names that its clients use, and to no other", () => {
    const { args } = podTemplates(recording)["tracking"].spec.containers[0];
    expect(args[args.indexOf("--allowed-hosts") + 1]).toBe(
      "tracking:5000,localhost:5000,127.0.0.1:5000",
    );
  });

  it("leaves no trace when it is switched off", async () => {
    const without = await record({ enabled: false });
    expect(without.resources.filter(({ name }) => name.startsWith("tracking"))).toEqual([]);
    expect(policyOf(without, "training").egress).toBeUndefined();
  });
});
