import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { objectsOf, podTemplates, selects } from "./testing/pod-security.ts";
import { type Recording, recordPlatform } from "./testing/record-program.ts";

const templateOf = (recording: Recording) => podTemplates(recording)["training"];
const containerOf = (recording: Recording) => templateOf(recording).spec.containers[0];
const policyOf = (recording: Recording) =>
  objectsOf(recording, "networking.k8s.io/v1:NetworkPolicy").find(({ name }) => name === "training")
    ?.inputs.spec;

const outputs = ["--out", "/scratch/model", "--publish", "/models", "--splits", "/scratch/splits"];

describe("TrainingRun, source sample", () => {
  let recording: Recording;
  beforeEach(async () => {
    recording = await recordPlatform({
      training: { source: "sample", seed: 7, count: 60 },
      tracking: { enabled: false },
    });
  });

  it("draws, trains and publishes with the settings of the stack", () => {
    expect(containerOf(recording).args).toEqual([
      ...["--source", "sample", "--count", "60", "--seed", "7"],
      ...outputs,
      ...["--figures", "/scratch/figures"],
    ]);
    expect(containerOf(recording).image).toMatch(/^docker\.io\/cats-dogs\/training@sha256:/);
  });

  it("writes the model store and scratch space, nothing else", () => {
    expect(containerOf(recording).volumeMounts).toEqual([
      { name: "models", mountPath: "/models" },
      { name: "scratch", mountPath: "/scratch" },
      { name: "tmp", mountPath: "/tmp" },
    ]);
  });

  it("has no credentials and no network", () => {
    expect(objectsOf(recording, "core/v1:Secret")).toEqual([]);
    expect(containerOf(recording).envFrom).toBeUndefined();
    expect(containerOf(recording).env.map(({ name }: { name: string }) => name)).toEqual([
      "XDG_CACHE_HOME",
    ]);
    expect(policyOf(recording).policyTypes).toEqual(["Ingress", "Egress"]);
    expect(policyOf(recording).egress).toBeUndefined();
  });

  it("wishes for the node of the service's pods, which hold the store, and waits for none of them", async () => {
    const { podAffinity, ...others } = templateOf(recording).spec.affinity;
    const [wish, ...more] = podAffinity.preferredDuringSchedulingIgnoredDuringExecution;
    expect([others, more, wish.weight]).toEqual([{}, [], 100]);
    expect(podAffinity).not.toHaveProperty("requiredDuringSchedulingIgnoredDuringExecution");
    const { topologyKey, labelSelector } = wish.podAffinityTerm;
    expect(topologyKey).toBe("kubernetes.io/hostname");
    expect(selects(labelSelector.matchLabels, podTemplates(recording)["api"])).toBe(true);
    const shared = await recordPlatform({
      cluster: {
        ...{ kind: "existing", kubeconfig: import.meta.filename, context: "lab" },
        registry: "registry.example.org/team",
      },
      training: { source: "sample" },
      modelStore: { accessMode: "ReadWriteMany" },
    });
    expect(templateOf(shared).spec.affinity).toBeUndefined();
  });

  it("is bounded, stays to be read, and runs again for an empty store", () => {
    const [job] = objectsOf(recording, "batch/v1:Job").filter(({ name }) => name === "training");
    expect(job?.inputs.spec).toMatchObject({ backoffLimit: 2, activeDeadlineSeconds: 3600 });
    expect(job?.inputs.spec).not.toHaveProperty("ttlSecondsAfterFinished");
    // So that the Pulumi CLI makes it anew when it failed, instead of waiting for it each time.
    expect(job?.inputs.metadata.annotations).toEqual({ "pulumi.com/replaceUnready": "true" });
    expect(templateOf(recording).metadata.annotations).toEqual({
      "image-classification-platform/model-store": "uid of model-store",
    });
  });
});

describe("TrainingRun, source kaggle", () => {
  const KEY = "kaggle-key-0123456789";
  beforeEach(() => {
    vi.stubEnv("KAGGLE_USERNAME", "ada");
    vi.stubEnv("KAGGLE_KEY", KEY);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it.each([false, true])(
    "marks the token as secret and shows it nowhere (preview %s)",
    async (preview) => {
      const recording = await recordPlatform({}, preview);
      const [secret] = objectsOf(recording, "core/v1:Secret");
      const encoded = (value: string) => Buffer.from(value).toString("base64");
      expect(secret?.inputs.data).toEqual({
        // The mark of a secret value in the SDK's protocol.
        "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
        value: { KAGGLE_USERNAME: encoded("ada"), KAGGLE_KEY: encoded(KEY) },
      });
      const rest = JSON.stringify(recording.resources.filter((resource) => resource !== secret));
      expect(rest).not.toContain(KEY);
      expect(rest).not.toContain(Buffer.from(KEY).toString("base64"));
    },
  );

  it("downloads with the token, and may reach HTTPS and DNS for that", async () => {
    const recording = await recordPlatform({ tracking: { enabled: false } });
    const { args, envFrom } = containerOf(recording);
    expect(args.slice(0, 4)).toEqual(["--source", "kaggle", "--data", "/scratch/data"]);
    expect(envFrom).toEqual([{ secretRef: { name: "kaggle-credentials" } }]);
    const ports = policyOf(recording).egress.flatMap((rule: { ports: { port: number }[] }) =>
      rule.ports.map(({ port }) => port),
    );
    expect(ports).toEqual([53, 53, 443]);
  });

  it("leaves the token alone when the stack asks for drawn pictures", async () => {
    const recording = await recordPlatform({ training: { source: "sample" } });
    expect(objectsOf(recording, "core/v1:Secret")).toEqual([]);
  });
});
