import { describe, expect, it } from "vitest";
import { exemptions } from "../policy/exemptions.ts";
import { judge } from "../policy/testing/judge.ts";
import { objectsOf, podTemplates, podViolations } from "./testing/pod-security.ts";
import { type Recording, recordPlatform } from "./testing/record-program.ts";

const record = (service: object, more: object = {}) =>
  recordPlatform({
    ...{ training: { source: "sample" }, monitoring: { enabled: false } },
    ...more,
    service,
  });

const pod = (recording: Recording) => podTemplates(recording)["api"].spec;
/** Values of the service's variables, or where they come from. */
const environment = (recording: Recording): Record<string, unknown> =>
  Object.fromEntries(
    pod(recording).containers[0].env.map(
      ({ name, value, valueFrom }: { name: string; value?: string; valueFrom?: object }) => [
        name,
        value ?? valueFrom,
      ],
    ),
  );
const claims = (recording: Recording) =>
  Object.fromEntries(
    objectsOf(recording, "core/v1:PersistentVolumeClaim").map(({ inputs }) => [
      inputs.metadata.name,
      inputs,
    ]),
  );
/** Ports that the service's pods may call, beside the cluster's DNS. */
const called = (recording: Recording): readonly number[] => {
  const policy = objectsOf(recording, "networking.k8s.io/v1:NetworkPolicy").find(
    ({ name }) => name === "api",
  );
  const [, ...rules] = policy?.inputs.spec.egress ?? [];
  return rules.flatMap(({ ports }: { ports: { port: number }[] }) => ports.map((p) => p.port));
};
const fromSecret = (name: string, key: string) => ({ secretKeyRef: { name, key } });

describe("the service's features", () => {
  it("are nothing by default: the service has its own defaults", async () => {
    const recording = await record({});
    expect(Object.keys(environment(recording)).sort()).toEqual(
      ["DRAIN_DELAY", "DRAIN_TIMEOUT", "HOST", "METRICS_PORT", "MODEL_DIR", "PORT"].sort(),
    );
    expect(Object.keys(claims(recording)).sort()).toEqual(["model-store", "tracking"]);
    expect(called(recording)).toEqual([]);
  });

  it("say how often a client may ask, and which models answer", async () => {
    const recording = await record({
      access: { rateLimit: 0.5, rateBurst: 20, trustedProxies: 1 },
      models: { precision: "int8", max: 4, load: ["flowers", "cars"] },
    });
    expect(environment(recording)).toMatchObject({
      ...{ RATE_LIMIT: "0.5", RATE_BURST: "20", TRUSTED_PROXIES: "1" },
      ...{ PRECISION: "int8", MAX_MODELS: "4", LOAD_MODELS: "flowers,cars" },
    });
    expect(objectsOf(recording, "core/v1:Secret")).toEqual([]);
  });

  it("keep samples and outputs on volumes that every replica has", async () => {
    const recording = await record({
      sampling: { enabled: true, share: 0.05, megabytes: 500, size: "1Gi" },
      storage: { kind: "volume", size: "3Gi", days: 2 },
    });
    expect(environment(recording)).toMatchObject({
      ...{ SAMPLE_DIRECTORY: "/samples", SAMPLE_SHARE: "0.05" },
      ...{ SAMPLE_DAYS: "30", SAMPLE_MEGABYTES: "500" },
      ...{ STORAGE_DIR: "/outputs", STORAGE_RETENTION: "172800" },
      STORAGE_SIGNING_KEY: fromSecret("outputs", "signing-key"),
    });
    const mounts = pod(recording).containers[0].volumeMounts;
    expect(mounts).toContainEqual({ name: "samples", mountPath: "/samples" });
    expect(mounts).toContainEqual({ name: "outputs", mountPath: "/outputs" });
    expect(podViolations(pod(recording))).toEqual([]);
    expect(await judge("embedded", recording.resources, exemptions)).toEqual([]);
    const { samples, outputs } = claims(recording);
    expect(samples.spec.resources.requests.storage).toBe("1Gi");
    expect(outputs.spec.resources.requests.storage).toBe("3Gi");
    const [secret] = objectsOf(recording, "core/v1:Secret");
    expect(secret?.inputs.stringData.value["signing-key"].length).toBeGreaterThan(10);
    expect(called(recording)).toEqual([]);
  });

  it("share those volumes as the model store is shared, so that pods on several nodes can run", async () => {
    const cluster = {
      ...{ kind: "existing", kubeconfig: import.meta.filename, context: "lab" },
      registry: "registry.example.org/team",
    };
    const recording = await record(
      { storage: { kind: "volume" }, sampling: { enabled: true } },
      { cluster, modelStore: { accessMode: "ReadWriteMany" } },
    );
    const { samples, outputs } = claims(recording);
    for (const { spec } of [samples, outputs]) expect(spec.accessModes).toEqual(["ReadWriteMany"]);
  });

  it("keep outputs in S3 with the credentials of a Secret that is the user's own", async () => {
    const recording = await record({
      storage: {
        ...{ kind: "s3", bucket: "outputs", secret: "s3-credentials", prefix: "pets/" },
        endpoint: "https://s3.example.org:9000",
      },
    });
    expect(environment(recording)).toMatchObject({
      ...{ STORAGE_S3_BUCKET: "outputs", STORAGE_S3_ENDPOINT: "https://s3.example.org:9000" },
      ...{ STORAGE_S3_REGION: "us-east-1", STORAGE_S3_PREFIX: "pets/" },
      STORAGE_RETENTION: "604800",
      AWS_ACCESS_KEY_ID: fromSecret("s3-credentials", "AWS_ACCESS_KEY_ID"),
      AWS_SECRET_ACCESS_KEY: fromSecret("s3-credentials", "AWS_SECRET_ACCESS_KEY"),
    });
    expect(objectsOf(recording, "core/v1:Secret")).toEqual([]);
    expect(claims(recording)).not.toHaveProperty("outputs");
    expect(called(recording)).toEqual([9000]);
  });

  it("open the ports of what is called, each once, and no other", async () => {
    const amazon = { kind: "s3", bucket: "outputs", secret: "s3-credentials" };
    const calls = async (endpoint: string, storage: object = { kind: "none" }) =>
      called(await record({ storage, traces: { endpoint } }));
    expect(await calls("http://collector:4318")).toEqual([4318]);
    expect(await calls("https://collector.example.org", amazon)).toEqual([443]);
    expect(await calls("http://collector.example.org/otlp", amazon)).toEqual([443, 80]);
  });

  it("send traces where the stack says", async () => {
    const recording = await record({ traces: { endpoint: "http://collector:4318" } });
    expect(environment(recording)).toMatchObject({
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318",
    });
  });
});
