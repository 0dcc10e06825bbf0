import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { COMPONENT, EXPECTED, PLATFORM, SERVED } from "./components/testing/expected-resources.ts";
import {
  objectsOf,
  podTemplates,
  podViolations,
  selects,
} from "./components/testing/pod-security.ts";
import { type Recording, recordProgram } from "./components/testing/record-program.ts";
import { exemptions } from "./policy/exemptions.ts";
import { judge } from "./policy/testing/judge.ts";

const stacks = {
  embedded: { cluster: { kind: "embedded" } },
  dev: { cluster: { kind: "minikube" }, service: { replicas: 2 } },
} as const;

const program = () => import("./index.ts");

/** Types and names, sorted: what a stack consists of. */
const listOf = ({ resources }: Recording) =>
  resources.map(({ type, name }) => `${type} ${name}`).sort();

/** Namespaces of the platform; what has none is the cluster's own. */
const NAMESPACES = ["argocd", "cats-dogs", "gitops", "monitoring", "monitoring-node"];
const CLUSTER_WIDE = /:(Namespace|ClusterRole|ClusterRoleBinding)$/;
/** It works through the API server, as nothing else does that this program writes as a pod. */
const NEEDS_TOKEN = "monitoring-operator";

beforeAll(() => {
  // Whoever runs the tests may have a Kaggle token.
  vi.stubEnv("KAGGLE_USERNAME", "");
  vi.stubEnv("HOME", tmpdir());
  vi.stubEnv("USERPROFILE", tmpdir());
});
afterAll(() => {
  vi.unstubAllEnvs();
});

describe.each([
  ["embedded", "up", false],
  ["embedded", "preview", true],
  ["dev", "up", false],
  ["dev", "preview", true],
] as const)("the program of stack %s, %s", (stack, _, preview) => {
  let recording: Recording;
  beforeAll(async () => {
    recording = await recordProgram(program, { stack, preview, config: stacks[stack] });
  });

  it("declares these resources", () => {
    expect(listOf(recording)).toEqual(EXPECTED[stack]);
  });

  it("puts every resource into a component, and every component completes", () => {
    const components = recording.resources.filter(({ type }) => type.startsWith(COMPONENT));
    const others = recording.resources.filter(({ type }) => !type.startsWith(COMPONENT));
    expect(others.filter(({ parent }) => !parent?.startsWith(COMPONENT))).toEqual([]);
    expect([...recording.registeredOutputs].sort()).toEqual(
      [...new Set(components.map(({ type }) => type))].sort(),
    );
  });

  it("sends every object to the stack's own cluster, never to the user's current context", () => {
    const objects = recording.resources.filter(({ type }) => type.startsWith("kubernetes:"));
    const elsewhere = objects.filter(
      ({ provider }) => !provider?.includes("pulumi:providers:kubernetes::cluster"),
    );
    expect(elsewhere).toEqual([]);
  });

  it("names every object and puts it into a namespace of the platform", () => {
    for (const { type, inputs } of recording.resources) {
      if (!type.startsWith("kubernetes:") || type.includes(":helm.sh/")) continue;
      expect(inputs.metadata.name).toMatch(/^[a-z-]+$/);
      const { namespace } = inputs.metadata;
      if (CLUSTER_WIDE.test(type)) expect(namespace).toBeUndefined();
      else expect(NAMESPACES).toContain(namespace);
      expect(inputs.metadata.labels).toMatchObject({
        // Argo CD reads only such a Secret.
        "app.kubernetes.io/part-of": type.endsWith(":Secret")
          ? expect.stringMatching(/^(argocd|image-classification-platform)$/)
          : "image-classification-platform",
        "app.kubernetes.io/managed-by": "pulumi",
      });
    }
  });

  // A preview's unknown values are a matter of the policies' own tests.
  it.skipIf(preview)("keeps to every policy", async () => {
    const target = stacks[stack].cluster.kind;
    expect(await judge(target, recording.resources, exemptions)).toEqual([]);
  });

  it("runs pods of the restricted profile only", () => {
    const templates = podTemplates(recording);
    const added =
      stack === "embedded"
        ? ["git-server", "monitoring-operator", "node-exporter"]
        : ["api", "smoke-test"];
    expect(Object.keys(templates).sort()).toEqual(
      ["evaluation", "tracking", "training", ...added].sort(),
    );
    for (const [name, template] of Object.entries(templates)) {
      expect(podViolations(template.spec)).toEqual(
        name === NEEDS_TOKEN ? ["service-account token"] : [],
      );
    }
  });

  it("has a network policy for every pod, beside one in each namespace that denies the rest", () => {
    const policies = objectsOf(recording, "networking.k8s.io/v1:NetworkPolicy");
    for (const [name, template] of Object.entries(podTemplates(recording))) {
      const own = policies.filter(
        ({ inputs }) =>
          inputs.spec.podSelector.matchLabels &&
          selects(inputs.spec.podSelector.matchLabels, template),
      );
      expect(own.map((policy) => policy.name)).toEqual([name]);
    }
    const denials = policies.filter(({ name }) => name.endsWith("-default-deny"));
    const namespaces = objectsOf(recording, "core/v1:Namespace").map(
      ({ inputs }) => inputs.metadata.name,
    );
    expect(denials.map(({ inputs }) => inputs.metadata.namespace)).toEqual(
      // Argo CD's own manifests have a policy for each of its pods.
      namespaces.filter((name) => name !== "argocd"),
    );
    for (const { inputs } of denials) {
      expect(inputs.spec).toEqual({ podSelector: {}, policyTypes: ["Ingress", "Egress"] });
    }
  });
});

describe.each(["embedded", "dev"] as const)("stack %s without monitoring and GitOps", (stack) => {
  it("is the platform alone, and the service's pods know nothing of it", async () => {
    const off = { enabled: false };
    const config = { ...stacks[stack], monitoring: off, gitops: off };
    const recording = await recordProgram(program, { stack, config });
    expect(listOf(recording)).toEqual([...PLATFORM, ...SERVED].sort());
    const { containers, volumes } = podTemplates(recording)["api"].spec;
    expect(JSON.stringify([containers, volumes])).not.toMatch(/PROMETHEUS|status-panels/);
  });
});

describe("outputs", () => {
  it("name the service, the images, the kubeconfig and the claim", async () => {
    let outputs: object = {};
    await recordProgram(
      async () => {
        outputs = await program();
      },
      { config: stacks.embedded },
    );
    const values = await Promise.all(
      Object.entries(outputs).map(async ([name, value]) => [name, await settled(value)]),
    );
    const image = (name: string) =>
      expect.stringMatching(new RegExp(`^docker\\.io/cats-dogs/${name}@sha256:[0-9a-f]{64}$`));
    expect(Object.fromEntries(values)).toEqual({
      url: "http://127.0.0.1:8080",
      namespace: "cats-dogs",
      serviceImage: image("service"),
      trainingImage: image("training"),
      kubeconfig: "/state/kubeconfig",
      modelStoreClaim: "model-store",
      evaluation: {
        minAccuracy: 0.8,
        labelledSet: ["--source", "sample", "--count", "400", "--seed", "42"],
      },
      trackingServer: { service: "tracking", port: 5000 },
      application: "argocd/cats-dogs",
      platformKey: null,
    });
  });
});

/** Value of an output, or of what is none. */
const settled = async (value: unknown): Promise<unknown> => {
  const { output } = await import("@pulumi/pulumi");
  return new Promise((resolve) => {
    output([value]).apply(([known]) => resolve(known));
  });
};

describe("an existing cluster and photos of one's own", () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "photos-"));
    await writeFile(join(directory, "kubeconfig"), "");
  });
  afterAll(() => rm(directory, { recursive: true }));

  const config = () => ({
    cluster: {
      kind: "existing",
      kubeconfig: join(directory, "kubeconfig"),
      context: "lab",
      registry: "registry.example.org/team",
    },
    training: { source: "folder", photos: directory },
  });

  const ADDED = [
    ...["command:local:Command photos-image", `${COMPONENT}ContainerImage photos-image`],
    "kubernetes:autoscaling/v2:HorizontalPodAutoscaler api",
  ];
  const withoutStart = (lines: readonly string[]) =>
    lines.filter((line) => line !== "command:local:Command cluster");

  it("starts no cluster, adds an image with the photos, and has one namespace of it", async () => {
    const recording = await recordProgram(program, { config: config() });
    expect(listOf(recording)).toEqual(withoutStart([...PLATFORM, ...SERVED, ...ADDED]).sort());
    expect(recording.resources.filter(({ type }) => CLUSTER_WIDE.test(type))).toMatchObject([
      { name: "platform", inputs: { metadata: { name: "cats-dogs" } } },
    ]);
    const [container] = podTemplates(recording)["training"].spec.containers;
    expect(container.image).toMatch(/^registry\.example\.org\/team\/training-photos@/);
    expect(container.args).toEqual(
      expect.arrayContaining(["--source", "folder", "--data", "/photos"]),
    );
  });

  it("is watched where the stack asks for it", async () => {
    const watched = { ...config(), monitoring: { enabled: true } };
    const recording = await recordProgram(program, { config: watched });
    expect(listOf(recording)).toEqual(withoutStart([...EXPECTED.dev, ...ADDED]).sort());
  });

  it("stops with one clear line when the kubeconfig is not there", async () => {
    const { cluster, training } = config();
    const kubeconfig = join(directory, "elsewhere");
    await expect(
      recordProgram(program, { config: { cluster: { ...cluster, kubeconfig }, training } }),
    ).rejects.toThrow(`cluster.kubeconfig: ${kubeconfig} cannot be read`);
  });

  it("stops with one clear line when a setting is wrong", async () => {
    await expect(
      recordProgram(program, { config: { cluster: { kind: "cloud" } } }),
    ).rejects.toThrow(/^image-classification-platform:cluster\.kind is "cloud"; allowed: .*$/);
  });
});
