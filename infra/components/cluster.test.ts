import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { repositoryDirectory, stateDirectory } from "../paths.ts";
import { type Recording, recordProgram } from "./testing/record-program.ts";

type Settings = Parameters<typeof import("../config/read-settings.ts").parseSettings>[0];

const declare = async (cluster: Settings, preview = false) => {
  let traits: unknown;
  const recording = await recordProgram(
    async () => {
      const [{ Cluster }, { parseSettings }] = await Promise.all([
        import("./cluster.ts"),
        import("../config/read-settings.ts"),
      ]);
      traits = new Cluster("cluster", parseSettings({ cluster }).cluster).traits;
    },
    { preview },
  );
  return { recording, traits };
};

const inputsOf = ({ resources }: Recording, type: string) =>
  resources.find((resource) => resource.type === type)?.inputs;

describe("Cluster", () => {
  it("embedded: starts and stops this project's own Kubernetes", async () => {
    const { recording, traits } = await declare({ kind: "embedded" });
    expect(inputsOf(recording, "command:local:Command")).toEqual({
      dir: repositoryDirectory,
      create: "node infra/cli/cluster.ts start",
      delete: "node infra/cli/cluster.ts stop",
    });
    expect(inputsOf(recording, "pulumi:providers:kubernetes")).toEqual({
      kubeconfig: "/state/kubeconfig",
      enableServerSideApply: "true",
    });
    expect(traits).toEqual({
      images: { target: "embedded", registry: "docker.io/cats-dogs", environment: {} },
      exposure: "nodePort",
      upstream: "modules",
    });
  });

  it("minikube: leaves the user's own kubeconfig alone", async () => {
    const { recording, traits } = await declare({
      kind: "minikube",
      profile: "lab",
      cpus: 4,
      memory: "6g",
    });
    const kubeconfig = join(stateDirectory, "minikube", "lab.kubeconfig");
    expect(inputsOf(recording, "command:local:Command")).toEqual({
      dir: repositoryDirectory,
      create: "minikube start --profile lab --cpus 4 --memory 6g --cni calico",
      delete: "minikube delete --profile lab",
      environment: { KUBECONFIG: kubeconfig },
    });
    expect(inputsOf(recording, "pulumi:providers:kubernetes")).toMatchObject({
      kubeconfig,
      context: "lab",
    });
    expect(traits).toMatchObject({
      images: { target: "minikube", environment: { MINIKUBE_PROFILE: "lab" } },
      exposure: "clusterIP",
      upstream: "charts",
    });
  });

  it.each(["embedded", "minikube"])(
    "%s: a first preview does not look for a kubeconfig",
    async (kind) => {
      const { recording } = await declare({ kind }, true);
      const { kubeconfig } = inputsOf(recording, "pulumi:providers:kubernetes");
      expect(kubeconfig).not.toEqual(expect.any(String));
    },
  );

  it("existing: starts nothing", async () => {
    const { recording, traits } = await declare({
      kind: "existing",
      kubeconfig: import.meta.filename,
      context: "lab",
      registry: "registry.example.org/team",
    });
    expect(inputsOf(recording, "command:local:Command")).toBeUndefined();
    expect(inputsOf(recording, "pulumi:providers:kubernetes")).toMatchObject({
      kubeconfig: import.meta.filename,
      context: "lab",
    });
    expect(traits).toEqual({
      images: { target: "registry", registry: "registry.example.org/team", environment: {} },
      exposure: "clusterIP",
      upstream: "charts",
    });
  });
});
