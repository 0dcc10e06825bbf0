import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { objectsOf, podTemplates, podViolations, selects } from "./testing/pod-security.ts";
import { type Recording, recordPlatform } from "./testing/record-program.ts";

const templateOf = (recording: Recording) => podTemplates(recording)["evaluation"];
const containerOf = (recording: Recording) => templateOf(recording).spec.containers[0];

describe("PostDeployEvaluation", () => {
  let recording: Recording;
  beforeEach(async () => {
    recording = await recordPlatform({
      training: { source: "sample", seed: 7, count: 60 },
      evaluation: { schedule: "@daily", minAccuracy: 0.95 },
    });
  });

  it("asks the service about the test split of the training, and demands the stack's accuracy", () => {
    expect(containerOf(recording)).toMatchObject({
      image: podTemplates(recording)["training"].spec.containers[0].image,
      command: ["node", "training/cli/evaluate.ts"],
      args: [
        ...["--source", "sample", "--count", "60", "--seed", "7"],
        ...["--url", "http://api.cats-dogs.svc:8080", "--min-accuracy", "0.95"],
        ...["--out", "/scratch/post_deploy_eval.csv"],
      ],
    });
    expect(podViolations(templateOf(recording).spec)).toEqual([]);
  });

  it("runs on its schedule, one at a time, once, and keeps a failed run to be read", () => {
    const [cronJob] = objectsOf(recording, "batch/v1:CronJob");
    expect(cronJob?.inputs.spec).toMatchObject({
      schedule: "@daily",
      concurrencyPolicy: "Forbid",
      failedJobsHistoryLimit: 3,
      jobTemplate: { spec: { backoffLimit: 0, activeDeadlineSeconds: 3600 } },
    });
  });

  it("may reach the service and DNS only", () => {
    const policy = objectsOf(recording, "networking.k8s.io/v1:NetworkPolicy").find(
      ({ name }) => name === "evaluation",
    );
    expect(selects(policy?.inputs.spec.podSelector.matchLabels, templateOf(recording))).toBe(true);
    const [dns, service, ...more] = policy?.inputs.spec.egress ?? [];
    expect(more).toEqual([]);
    expect(dns.ports.map(({ port }: { port: number }) => port)).toEqual([53, 53]);
    expect(service.ports).toEqual([{ protocol: "TCP", port: "http" }]);
    expect(selects(service.to[0].podSelector.matchLabels, podTemplates(recording)["api"])).toBe(
      true,
    );
  });

  it("is not there when it is switched off", async () => {
    const without = await recordPlatform({ evaluation: { enabled: false } });
    expect(objectsOf(without, "batch/v1:CronJob")).toEqual([]);
  });
});

describe("PostDeployEvaluation of a model that was trained on Kaggle's photos", () => {
  beforeEach(() => {
    vi.stubEnv("KAGGLE_USERNAME", "ada");
    vi.stubEnv("KAGGLE_KEY", "kaggle-key-0123456789");
  });
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it("asks about the golden pictures of the store and needs no token", async () => {
    const recording = await recordPlatform();
    const { args, envFrom, volumeMounts } = containerOf(recording);
    expect(args.slice(0, 2)).toEqual(["--golden", "/models"]);
    expect(envFrom).toBeUndefined();
    expect(volumeMounts[0]).toEqual({ name: "models", mountPath: "/models", readOnly: true });
    expect(templateOf(recording).spec.affinity.podAffinity).toBeDefined();
  });
});
