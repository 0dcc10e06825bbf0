import { homedir } from "node:os";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { afterEach, describe, expect, it } from "vitest";
import { repositoryDirectory } from "../paths.ts";
import { parseSettings, readSettings } from "./read-settings.ts";

const existing = {
  kind: "existing",
  kubeconfig: "~/.kube/config",
  context: "lab",
  registry: "registry.example.org/team",
};

/** The lines of the error that settings give. */
const problems = (raw: unknown): readonly string[] => {
  try {
    parseSettings(raw);
  } catch (error) {
    expect(error).toBeInstanceOf(pulumi.RunError);
    return error instanceof Error ? error.message.split("\n") : [];
  }
  return [];
};

describe("parseSettings", () => {
  it("needs nothing: every setting has a default", () => {
    expect(parseSettings({})).toEqual({
      cluster: { kind: "minikube", profile: "cats-dogs", cpus: 2, memory: "4g" },
      storageClass: "standard",
      policies: true,
      modelStore: { size: "1Gi", accessMode: "ReadWriteOnce" },
      training: {
        source: "auto",
        seed: 42,
        count: 400,
        resources: {
          requests: { cpu: "500m", memory: "512Mi" },
          limits: { cpu: "2", memory: "2Gi" },
        },
      },
      service: {
        scale: { kind: "fixed", replicas: 1 },
        port: 8080,
        resources: {
          requests: { cpu: "500m", memory: "384Mi" },
          limits: { cpu: "2", memory: "1Gi" },
        },
        access: {},
        models: { load: [] },
        sampling: { enabled: false, share: 0.01, days: 30, megabytes: 1000, size: "2Gi" },
        storage: { kind: "none" },
        traces: {},
      },
      batch: {
        redis: false,
        size: "2Gi",
        resources: {
          requests: { cpu: "50m", memory: "64Mi" },
          limits: { cpu: "500m", memory: "768Mi" },
        },
      },
      tracking: {
        enabled: true,
        size: "2Gi",
        resources: {
          requests: { cpu: "50m", memory: "384Mi" },
          limits: { cpu: "1", memory: "1Gi" },
        },
      },
      evaluation: {
        enabled: true,
        schedule: "17 3 * * *",
        minAccuracy: 0.8,
        resources: {
          requests: { cpu: "50m", memory: "128Mi" },
          limits: { cpu: "1", memory: "1Gi" },
        },
      },
      monitoring: { enabled: true, storage: "2Gi", runbooks: "docs/runbooks" },
      gitops: { enabled: false, revision: "main", progressDeadline: 45 },
    });
  });

  it("keeps what is given and adds the rest, at every depth", () => {
    const { service, modelStore } = parseSettings({
      modelStore: { size: "5Gi" },
      service: { resources: { limits: { memory: "2Gi" } } },
    });
    expect(modelStore.size).toBe("5Gi");
    expect(service.resources).toEqual({
      requests: { cpu: "500m", memory: "384Mi" },
      limits: { cpu: "2", memory: "2Gi" },
    });
    expect(service.scale).toEqual({ kind: "fixed", replicas: 1 });
  });

  it("scales by CPU on an existing cluster, unless a number of pods is set", () => {
    const scaleOf = (service: object) =>
      parseSettings({ cluster: existing, service }).service.scale;
    expect(scaleOf({})).toEqual({
      ...{ kind: "cpu", minReplicas: 2, maxReplicas: 6, cpuUtilization: 70 },
    });
    expect(scaleOf({ autoscaling: { maxReplicas: 20 } })).toMatchObject({
      ...{ kind: "cpu", minReplicas: 2, maxReplicas: 20 },
    });
    expect(scaleOf({ replicas: 4 })).toEqual({ kind: "fixed", replicas: 4 });
  });

  it("watches a cluster of its own, and an existing one when the stack says so", () => {
    const monitoringOf = (cluster: object, monitoring: object = {}) =>
      parseSettings({ cluster, monitoring }).monitoring;
    expect(monitoringOf({ kind: "embedded" }).enabled).toBe(true);
    expect(monitoringOf({ kind: "minikube" }).enabled).toBe(true);
    expect(monitoringOf({ kind: "minikube" }, { enabled: false }).enabled).toBe(false);
    expect(monitoringOf(existing, { storage: "4Gi" })).toMatchObject({
      ...{ enabled: false, storage: "4Gi" },
    });
    expect(monitoringOf(existing, { enabled: true }).enabled).toBe(true);
  });

  it("takes a shared model store on an existing cluster", () => {
    const modelStore = { accessMode: "ReadWriteMany" };
    expect(parseSettings({ cluster: existing, modelStore }).modelStore).toMatchObject(modelStore);
  });

  it("resolves paths: ~ is the user's home, a relative one starts at the repository", () => {
    expect(parseSettings({ cluster: existing }).cluster).toMatchObject({
      kubeconfig: join(homedir(), ".kube", "config"),
    });
    expect(
      parseSettings({ training: { source: "folder", photos: "photos" } }).training.photos,
    ).toBe(join(repositoryDirectory, "photos"));
  });

  it.each([
    [
      { training: { source: "web" } },
      'training.source is "web"; allowed: auto, kaggle, sample or folder',
    ],
    [
      { training: { seed: "one" } },
      'training.seed is "one"; allowed: a whole number from 0 to 4294967295',
    ],
    [{ training: { count: 3 } }, "training.count is 3; allowed: a whole number from 60 to 100000"],
    [{ service: { replicas: 0 } }, "service.replicas is 0; allowed: a whole number from 1 to 50"],
    [
      { service: { port: 80.5 } },
      "service.port is 80.5; allowed: a whole number from 1024 to 65535",
    ],
    [
      { service: 3 },
      "service is 3; allowed: replicas, autoscaling, port, resources, access, models, sampling, storage, traces",
    ],
    [
      { service: { access: { rateLimit: 0 } } },
      "service.access.rateLimit is 0; allowed: a number of requests above 0, and at most 1000000",
    ],
    [
      { service: { access: { rateBurst: 5 } } },
      "service.access.rateBurst is 5; allowed: left out where rateLimit is: it is the burst of that limit",
    ],
    [
      { service: { models: { precision: "int4" } } },
      'service.models.precision is "int4"; allowed: fp32 or int8',
    ],
    [
      { service: { models: { max: 2, load: ["flowers", "cars"] } } },
      "service.models.max is 2; allowed: more than models.load has names: the model of /predict counts, too",
    ],
    [
      { service: { models: { load: ["Flowers"] } } },
      'service.models.load.0 is "Flowers"; allowed: a model\'s name: lower-case letters, digits and -',
    ],
    [
      { service: { sampling: { enabled: true, share: 2 } } },
      "service.sampling.share is 2; allowed: a number above 0, and at most 1",
    ],
    [
      { service: { storage: { kind: "disk" } } },
      'service.storage.kind is "disk"; allowed: kind none, volume or s3',
    ],
    [
      { service: { storage: { kind: "s3", bucket: "outputs" } } },
      "service.storage.secret is not set; allowed: lower-case letters, digits, - and .",
    ],
    [
      { service: { storage: { kind: "s3", bucket: "outputs", secret: "keys", prefix: "" } } },
      'service.storage.prefix is ""; allowed: a path that ends in a slash such as outputs/',
    ],
    [
      { service: { traces: { endpoint: "http://me:word@collector:4318" } } },
      'service.traces.endpoint is "http://me:word@collector:4318"; allowed: an address such as https://host:port',
    ],
    [
      { cluster: existing, service: { replicas: 2, autoscaling: {} } },
      "service.autoscaling is {}; allowed: left out where replicas is set: only one can say how many pods there are",
    ],
    [
      { cluster: existing, service: { autoscaling: { minReplicas: 3, maxReplicas: 2 } } },
      "service.autoscaling.maxReplicas is 2; allowed: at least minReplicas",
    ],
    [
      { cluster: existing, service: { autoscaling: { cpuUtilization: 100 } } },
      "service.autoscaling.cpuUtilization is 100; allowed: a whole number from 10 to 95",
    ],
    [
      { service: { autoscaling: {} } },
      "service.autoscaling is {}; allowed: an autoscaler (it needs a metrics server, and nodes to grow on) only with cluster.kind existing",
    ],
    [
      { cluster: { kind: "embedded" }, modelStore: { accessMode: "ReadWriteMany" } },
      'modelStore.accessMode is "ReadWriteMany"; allowed: ReadWriteMany only with cluster.kind existing',
    ],
    [
      { cluster: existing, modelStore: { accessMode: "ReadOnlyMany" } },
      'modelStore.accessMode is "ReadOnlyMany"; allowed: ReadWriteOnce or ReadWriteMany',
    ],
    [{ policies: "off" }, 'policies is "off"; allowed: true or false'],
    [
      { evaluation: { schedule: "at night" } },
      'evaluation.schedule is "at night"; allowed: five fields of cron such as "17 3 * * *", or @daily',
    ],
    [
      { evaluation: { minAccuracy: 95 } },
      "evaluation.minAccuracy is 95; allowed: a number from 0 to 1",
    ],
    [{ tracking: { enabled: "no" } }, 'tracking.enabled is "no"; allowed: true or false'],
    [
      { service: { resources: { limits: { memory: "lots" } } } },
      'service.resources.limits.memory is "lots"; allowed: a Kubernetes quantity such as 500m, 2 or 512Mi',
    ],
    [
      { storageClass: "Fast!" },
      'storageClass is "Fast!"; allowed: lower-case letters, digits, - and .',
    ],
    [
      { cluster: { kind: "cloud" } },
      'cluster.kind is "cloud"; allowed: kind minikube, embedded or existing',
    ],
    [
      { cluster: "embedded" },
      'cluster is "embedded"; allowed: kind minikube, embedded or existing',
    ],
    [
      { cluster: { kind: "minikube", profile: "a; rm -rf /" } },
      'cluster.profile is "a; rm -rf /"; allowed: lower-case letters, digits, - and .',
    ],
    [
      { cluster: { kind: "existing", kubeconfig: "k", context: "c" } },
      "cluster.registry is not set; allowed: a registry such as registry.example.org/team",
    ],
    [
      { training: { source: "folder" } },
      "training.photos is not set; allowed: a directory exactly when training.source is folder",
    ],
    [
      { training: { source: "folder", photos: "$(x)" } },
      'training.photos is "$(x)"; allowed: a path without ", $ and `',
    ],
    [{ monitoring: { enabled: "no" } }, 'monitoring.enabled is "no"; allowed: true or false'],
    [
      { monitoring: { storage: "500Mi" } },
      'monitoring.storage is "500Mi"; allowed: whole gibibytes such as 4Gi',
    ],
    [{ training: { sead: 1 } }, "training.sead is no setting; infra/config lists all of them"],
    [{ replicas: 2 }, "replicas is no setting; infra/config lists all of them"],
  ])("%j: one line with key, value and what is allowed", (raw, expected) => {
    expect(problems(raw)).toEqual([`image-classification-platform:${expected}`]);
  });

  it("refuses photos that no source would read", () => {
    expect(problems({ training: { source: "sample", photos: "/photos" } })).toEqual([
      'image-classification-platform:training.photos is "/photos"; allowed: a directory exactly when training.source is folder',
    ]);
  });

  it("lets Argo CD deploy where there is a repository, unless the stack says otherwise", () => {
    const enabled = (cluster: object, gitops: object = {}) =>
      parseSettings({ cluster, gitops }).gitops.enabled;
    const repository = "https://git.example.org/team/platform.git";
    const minikube = { kind: "minikube" };
    expect(enabled({ kind: "embedded" })).toBe(true);
    expect(enabled({ kind: "embedded" }, { enabled: false })).toBe(false);
    expect(enabled(minikube)).toBe(false);
    expect(enabled(minikube, { repository })).toBe(true);
    expect(enabled(minikube, { repository, enabled: false })).toBe(false);
    expect(enabled(existing, { repository })).toBe(true);
    expect(problems({ cluster: minikube, gitops: { enabled: true } })).toEqual([
      "image-classification-platform:gitops.repository is not set; allowed: a repository where gitops.enabled is true, but none on the embedded cluster",
    ]);
  });

  it("refuses the Git repository's port for the service", () => {
    const settings = { cluster: { kind: "embedded" }, service: { port: 8094 } };
    expect(problems(settings)).toEqual([
      "image-classification-platform:service.port is 8094; allowed: a port other than 8094, which the cluster's Git repository has unless gitops.enabled is false",
    ]);
    expect(parseSettings({ ...settings, gitops: { enabled: false } }).service.port).toBe(8094);
  });

  it("refuses a port that the embedded node does not open", () => {
    const embedded = { cluster: { kind: "embedded" } };
    expect(problems({ ...embedded, service: { port: 9000 } })).toEqual([
      "image-classification-platform:service.port is 9000; allowed: on the embedded cluster a whole number from 8080 to 8099",
    ]);
    expect(parseSettings({ ...embedded, service: { port: 8090 } }).service.port).toBe(8090);
  });

  it("reports every wrong setting at once", () => {
    expect(problems({ service: { replicas: 0, port: 1 }, modelStore: { size: "x" } })).toHaveLength(
      3,
    );
  });
});

describe("readSettings", () => {
  const key = (name: string) => `image-classification-platform:${name}`;
  afterEach(() => pulumi.runtime.setAllConfig({}));

  it("reads objects as JSON and plain values as text, and ignores other projects' keys", () => {
    pulumi.runtime.setAllConfig({
      [key("cluster")]: '{"kind":"embedded"}',
      [key("storageClass")]: "fast",
      "kubernetes:context": "somewhere",
    });
    expect(readSettings()).toMatchObject({ cluster: { kind: "embedded" }, storageClass: "fast" });
  });

  it("notices a misspelt key", () => {
    pulumi.runtime.setAllConfig({ [key("storageclass")]: "fast" });
    expect(() => readSettings()).toThrow(key("storageclass is no setting"));
  });
});
