import { beforeAll, describe, expect, it } from "vitest";
import { parseSettings } from "../config/read-settings.ts";
import { oneAtATime } from "./one-at-a-time.ts";
import { objectsOf, podTemplates, podViolations, selects } from "./testing/pod-security.ts";
import { type Recording, recordPlatform } from "./testing/record-program.ts";

const record = (batch: Record<string, unknown>) =>
  recordPlatform({ training: { source: "sample" }, batch });

const only = (recording: Recording, kind: string, owner = "batch-queue") => {
  const [object, ...more] = objectsOf(recording, kind).filter(({ name }) => name === owner);
  expect(more).toEqual([]);
  return object?.inputs;
};
const policyOf = (recording: Recording, owner: string) =>
  only(recording, "networking.k8s.io/v1:NetworkPolicy", owner)?.spec;
const variable = (recording: Recording, name: string) =>
  podTemplates(recording)["api"].spec.containers[0].env.find(
    (entry: { name: string }) => entry.name === name,
  );

describe("BatchQueue", () => {
  let recording: Recording;
  beforeAll(async () => {
    recording = await record({
      redis: true,
      size: "5Gi",
      resources: { limits: { memory: "300Mi" } },
    });
  });

  it("keeps every write on its volume before it answers, and forgets nothing when memory ends", () => {
    // The SDK marks all of it as secret.
    const { stringData: secret } = only(recording, "core/v1:Secret");
    const stringData = secret.value ?? secret;
    expect(stringData["redis.conf"].split("\n")).toEqual(
      expect.arrayContaining([
        ...['save ""', "appendonly yes", "appendfsync always", "dir /data"],
        ...["maxmemory-policy noeviction", `maxmemory ${200 * 2 ** 20}`],
      ]),
    );
    expect(stringData["redis.conf"]).toMatch(/^requirepass /m);
    const claim = only(recording, "core/v1:PersistentVolumeClaim");
    expect(claim.spec.resources.requests.storage).toBe("5Gi");
    const { spec } = podTemplates(recording)["batch-queue"];
    expect(spec.containers[0].volumeMounts[0]).toEqual({ name: "data", mountPath: "/data" });
  });

  it("is a restricted pod of the image that was assembled, and never two at once", () => {
    const { spec } = podTemplates(recording)["batch-queue"];
    expect(podViolations(spec)).toEqual([]);
    expect(spec.containers[0].image).toMatch(/redis.*@sha256:/);
    expect(spec.containers[0].command).toEqual(
      oneAtATime("/data", "redis-server", "/etc/redis/redis.conf"),
    );
    expect(only(recording, "apps/v1:Deployment").spec).toMatchObject({
      replicas: 1,
      strategy: { type: "Recreate" },
    });
  });

  it("answers the service's pods and nobody else, and calls nobody", () => {
    const policy = policyOf(recording, "batch-queue");
    expect(policy.policyTypes).toEqual(["Ingress", "Egress"]);
    expect(policy.egress).toBeUndefined();
    const [rule, ...more] = policy.ingress;
    expect(more).toEqual([]);
    const templates = podTemplates(recording);
    const allowed = Object.keys(templates).filter((name) =>
      selects(rule.from[0].podSelector.matchLabels, templates[name]),
    );
    expect(allowed).toEqual(["api"]);
    expect(rule.ports).toEqual([{ protocol: "TCP", port: 6379 }]);
  });

  it("is known to the service by its Secret alone, and is the only other one that it may call", () => {
    expect(variable(recording, "REDIS_URL")).toEqual({
      name: "REDIS_URL",
      valueFrom: { secretKeyRef: { name: "batch-queue", key: "url" } },
    });
    const rule = policyOf(recording, "api").egress.at(-1);
    expect(rule.ports).toEqual([{ protocol: "TCP", port: 6379 }]);
    expect(
      selects(rule.to[0].podSelector.matchLabels, podTemplates(recording)["batch-queue"]),
    ).toBe(true);
  });

  it("is off by default, and leaves no trace then", async () => {
    const without = await record({});
    const traces = without.resources.filter(({ name }) => /batch-queue|redis/.test(name));
    expect(traces).toEqual([]);
    expect(variable(without, "REDIS_URL")).toBeUndefined();
    expect(JSON.stringify(policyOf(without, "api").egress)).not.toContain("6379");
  });

  it("takes an image of one's own where none is assembled, and only there", () => {
    const image = `docker.io/library/redis:8@sha256:${"a".repeat(64)}`;
    const embedded = { kind: "embedded" };
    expect(parseSettings({ batch: { redis: true, image } }).batch.image).toBe(image);
    expect(() => parseSettings({ batch: { redis: true } })).toThrow(
      /batch\.image .*with its digest/,
    );
    expect(() => parseSettings({ batch: { redis: true, image: "redis:8" } })).toThrow(
      /batch\.image/,
    );
    expect(() => parseSettings({ cluster: embedded, batch: { redis: true, image } })).toThrow(
      /batch\.image/,
    );
  });
});
