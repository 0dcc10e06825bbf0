import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { adaptManifests } from "./manifests.ts";

const workload = (kind: string, name: string, containers: string[], initContainers?: string[]) => ({
  apiVersion: "apps/v1",
  kind,
  metadata: { name },
  spec: {
    template: {
      spec: {
        containers: containers.map((container) => ({ name: container, image: "x" })),
        ...(initContainers && {
          initContainers: initContainers.map((container) => ({ name: container })),
        }),
      },
    },
  },
});

/** Objects of the shapes that upstream's file has. */
const UPSTREAM = [
  { kind: "CustomResourceDefinition", metadata: { name: "applicationsets.argoproj.io" } },
  { kind: "ServiceAccount", metadata: { name: "argocd-applicationset-controller" } },
  { kind: "ConfigMap", metadata: { name: "argocd-cm" } },
  { kind: "ConfigMap", metadata: { name: "argocd-cmd-params-cm" } },
  { kind: "Secret", metadata: { name: "argocd-secret" } },
  workload("Deployment", "argocd-applicationset-controller", ["argocd-applicationset-controller"]),
  workload("Deployment", "argocd-repo-server", ["argocd-repo-server"], ["copyutil"]),
  workload("StatefulSet", "argocd-application-controller", ["argocd-application-controller"]),
];

const adapted = adaptManifests(UPSTREAM.map((object) => stringify(object)).join("---\n"), "7s");
const find = (kind: string, name: string) =>
  adapted.find((object) => object.kind === kind && object.metadata.name === name);

describe("adaptManifests", () => {
  it("leaves out what nothing here uses and what the program owns, but no type", () => {
    expect(adapted.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([
      "CustomResourceDefinition applicationsets.argoproj.io",
      "ConfigMap argocd-cm",
      "ConfigMap argocd-cmd-params-cm",
      "Deployment argocd-repo-server",
      "StatefulSet argocd-application-controller",
    ]);
  });

  it("looks at Git as often as asked", () => {
    expect(find("ConfigMap", "argocd-cm")?.data).toEqual({
      "timeout.reconciliation": "7s",
      "timeout.reconciliation.jitter": "0s",
    });
  });

  it("bounds every container", () => {
    const pods = adapted.flatMap(({ spec }) => spec?.template?.spec ?? []);
    expect(pods).toHaveLength(2);
    for (const { containers, initContainers = [] } of pods) {
      for (const container of [...containers, ...initContainers]) {
        expect(container["resources"]).toMatchObject({
          requests: { cpu: expect.any(String), memory: expect.any(String) },
          limits: { cpu: expect.any(String), memory: expect.any(String) },
        });
      }
    }
  });
});
