import { beforeAll, describe, expect, it } from "vitest";
import { exemptions } from "../policy/exemptions.ts";
import { judge } from "../policy/testing/judge.ts";
import { objectsOf, podTemplates, podViolations, selects } from "./testing/pod-security.ts";
import { type Recording, recordPlatform } from "./testing/record-program.ts";

// Without the rest, whose charts are not what is looked for here.
const sample = { training: { source: "sample" }, monitoring: { enabled: false } };
const REPOSITORY = "https://git.example.org/team/platform.git";
const embedded = { ...sample, gitops: { enabled: true } };
const dev = {
  ...sample,
  cluster: { kind: "minikube" },
  gitops: { enabled: true, repository: REPOSITORY, revision: "release" },
};

const one = ({ resources }: Recording, type: string) => {
  const [found, ...more] = resources.filter((resource) => resource.type === type);
  expect(more).toEqual([]);
  return found?.inputs;
};
const APPLICATION = "kubernetes:argoproj.io/v1alpha1:Application";
const commandOf = ({ resources }: Recording, name: string) =>
  resources.find((each) => each.type === "command:local:Command" && each.name === name)?.inputs;

describe.each([
  ["embedded", embedded],
  ["dev", dev],
])("GitOps on %s", (_, config) => {
  let recording: Recording;
  beforeAll(async () => {
    recording = await recordPlatform(config);
  });

  it("leaves the service and its smoke test to Argo CD: each object has one owner", () => {
    const names = recording.resources.map(({ type, name }) => `${type} ${name}`);
    for (const name of [
      "apps/v1:Deployment api",
      "core/v1:Service api",
      "batch/v1:Job smoke-test",
    ]) {
      expect(names).not.toContain(`kubernetes:${name}`);
    }
    expect(names).toContain("kubernetes:batch/v1:Job training");
  });

  it("puts every resource into a component, and every component completes", () => {
    const own = "image-classification-platform:index:";
    const others = recording.resources.filter(({ type }) => !type.startsWith(own));
    expect(others.filter(({ parent }) => !parent?.startsWith(own))).toEqual([]);
    const components = recording.resources.filter(({ type }) => type.startsWith(own));
    expect([...recording.registeredOutputs].sort()).toEqual(
      [...new Set(components.map(({ type }) => type))].sort(),
    );
  });

  it("keeps to every policy", async () => {
    const target = "cluster" in config ? "minikube" : "embedded";
    expect(await judge(target, recording.resources, exemptions)).toEqual([]);
  });

  it("sends every object to the stack's own cluster", () => {
    const objects = recording.resources.filter(({ type }) => type.startsWith("kubernetes:"));
    const elsewhere = objects.filter(
      ({ provider }) => !provider?.includes("pulumi:providers:kubernetes::cluster"),
    );
    expect(elsewhere).toEqual([]);
  });

  it("keeps what runs as Git has it, and tries few times, each with the newest commit", () => {
    expect(one(recording, APPLICATION).spec.syncPolicy).toMatchObject({
      automated: { prune: true, selfHeal: true },
      retry: { limit: 2, refresh: true },
    });
  });

  it("allows one repository, one namespace and the kinds that are deployed", () => {
    const { spec } = one(recording, "kubernetes:argoproj.io/v1alpha1:AppProject");
    const { source, destination, project } = one(recording, APPLICATION).spec;
    expect(project).toBe("cats-dogs");
    expect(spec.sourceRepos).toEqual([source.repoURL]);
    expect(spec.destinations).toEqual([destination]);
    expect(destination.namespace).toBe("cats-dogs");
    expect(spec.clusterResourceWhitelist).toEqual([]);
    expect(JSON.stringify(spec)).not.toContain("*");
  });

  it("lets Argo CD reach the API server, wherever its nodes have it, and Git", () => {
    const [policy] = objectsOf(recording, "networking.k8s.io/v1:NetworkPolicy").filter(
      ({ name }) => name === "argo-cd-egress",
    );
    const anywhere = policy?.inputs.spec.egress.filter(({ to }: { to?: unknown }) => !to);
    const ports = anywhere.flatMap((rule: { ports: { port: number }[] }) =>
      rule.ports.map(({ port }) => port),
    );
    expect(ports).toEqual([443, 6443, 8443, 22, 9418]);
  });

  it("does not wait for a volume that Argo CD's pods hold", () => {
    const [claim] = objectsOf(recording, "core/v1:PersistentVolumeClaim").filter(
      ({ name }) => name === "model-store",
    );
    expect(claim?.inputs.metadata.annotations).toEqual({ "pulumi.com/skipAwait": "true" });
  });
});

describe("GitOps on embedded", () => {
  let recording: Recording;
  beforeAll(async () => {
    recording = await recordPlatform(embedded);
  });

  it("watches the repository in the cluster, there the overlay of the stack's name", () => {
    expect(one(recording, APPLICATION).spec.source).toEqual({
      repoURL: "git://git-server.gitops.svc/platform.git",
      targetRevision: "main",
      path: "deploy/overlays/test",
    });
  });

  it("pushes there what it built, again when the volume is another", () => {
    const { create, triggers } = commandOf(recording, "deploy-repository");
    expect(create).toMatch(
      /--repository git:\/\/127\.0\.0\.1:8094\/platform\.git --overlay test --image docker\.io\/cats-dogs\/service@sha256:1{64}$/,
    );
    expect(triggers).toContain("uid of git-server");
  });

  it("serves Git from a restricted pod that only Argo CD reaches", () => {
    const template = podTemplates(recording)["git-server"];
    expect(podViolations(template.spec)).toEqual([]);
    const [policy] = objectsOf(recording, "networking.k8s.io/v1:NetworkPolicy").filter(
      ({ name }) => name === "git-server",
    );
    expect(selects(policy?.inputs.spec.podSelector.matchLabels, template)).toBe(true);
    expect(policy?.inputs.spec.ingress).toEqual([
      {
        from: [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "argocd" } } }],
        ports: [{ protocol: "TCP", port: 9418 }],
      },
    ]);
    expect(policy?.inputs.spec.egress).toBeUndefined();
  });

  it("gives Argo CD a secret key that nothing shows", () => {
    const { data } = one(recording, "kubernetes:core/v1:Secret");
    // The mark of a secret value in the SDK's protocol.
    expect(JSON.stringify(data)).toContain("1b47061264138c4ac30d75fd1eb44270");
  });

  it("installs upstream's manifests, with the admin's kubeconfig", () => {
    expect(commandOf(recording, "argo-cd")).toMatchObject({
      create: "node infra/cli/argo-cd.ts install --look-at-git 10s",
      delete: "node infra/cli/argo-cd.ts remove --look-at-git 10s",
      environment: { KUBECONFIG: "/state/kubeconfig" },
    });
  });
});

describe("GitOps on dev", () => {
  it("installs the chart, and watches the repository of the settings", async () => {
    const recording = await recordPlatform(dev);
    const release = one(recording, "kubernetes:helm.sh/v3:Release");
    expect(release).toMatchObject({ chart: "argo-cd", namespace: "argocd" });
    expect(release.version).toMatch(/^\d+\.\d+\.\d+$/);
    expect(one(recording, APPLICATION).spec.source).toEqual({
      repoURL: REPOSITORY,
      targetRevision: "release",
      path: "deploy/overlays/test",
    });
    expect(commandOf(recording, "deploy-repository")).toBeUndefined();
  });

  it.each([
    ["dev without a repository", { ...dev, gitops: { enabled: true } }],
    ["embedded with one", { ...sample, gitops: dev.gitops }],
  ])("stops with one clear line: %s", async (_, config) => {
    await expect(recordPlatform(config)).rejects.toThrow(
      /^image-classification-platform:gitops\.repository is .*; allowed: a repository where/,
    );
  });
});
