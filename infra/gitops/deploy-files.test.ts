import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { repositoryDirectory } from "../paths.ts";
import {
  kustomizationOf,
  renderDeployFiles,
  staleFiles,
  writeDeployFiles,
} from "./deploy-files.ts";
import { withImage } from "./overlay-image.ts";

let rendered: Readonly<Record<string, string>>;
beforeAll(async () => {
  rendered = await renderDeployFiles();
});

const read = (path: string) => parse(rendered[path] ?? "");

describe("deploy/", () => {
  it("is what the components say: `make render` mends it", async () => {
    expect(await staleFiles(repositoryDirectory, rendered)).toEqual([]);
  });

  it("lists every file of a directory, and no other", () => {
    const base = Object.keys(rendered).filter((path) => /^deploy\/base\/(?!kust)/.test(path));
    const { resources } = read("deploy/base/kustomization.yaml");
    expect(base.map((path) => path.split("/").at(-1)).sort()).toEqual([...resources].sort());
  });

  it("runs the smoke test behind each sync, by a fixed name, bounded, and kept to be read", () => {
    const { metadata, spec } = read("deploy/base/job-smoke-test.yaml");
    expect(metadata.name).toBe("smoke-test");
    expect(metadata.annotations).toEqual({
      "argocd.argoproj.io/hook": "PostSync",
      "argocd.argoproj.io/hook-delete-policy": "BeforeHookCreation",
    });
    expect(spec.activeDeadlineSeconds).toBeGreaterThan(0);
    expect(spec).not.toHaveProperty("ttlSecondsAfterFinished");
  });

  it("never takes a pod away before the next one is ready, and soon knows that it will not be", () => {
    const { spec } = read("deploy/base/deployment-api.yaml");
    expect(spec.strategy.rollingUpdate.maxUnavailable).toBe(0);
    expect(spec.progressDeadlineSeconds).toBe(45);
  });

  it("has one owner", () => {
    for (const text of Object.values(rendered)) expect(text).not.toContain("managed-by: pulumi");
  });

  it("gives each stack its settings and its environment", () => {
    const deployment = (overlay: string) => read(`deploy/overlays/${overlay}/deployment-api.yaml`);
    expect(deployment("dev").spec.replicas).toBe(2);
    expect(deployment("embedded").spec.replicas).toBeUndefined();
    for (const overlay of ["dev", "embedded"]) {
      expect(deployment(overlay).spec.template.spec.containers[0].env).toContainEqual({
        name: "MODEL_DIR",
        value: "/models",
      });
    }
    expect(read("deploy/overlays/embedded/service-api.yaml").spec.type).toBe("NodePort");
    expect(rendered).not.toHaveProperty("deploy/overlays/dev/service-api.yaml");
  });
});

describe("writeDeployFiles", () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "deploy-files-"));
    await writeDeployFiles(directory, rendered);
  });
  afterEach(() => rm(directory, { recursive: true }));

  it("writes what is stale only, removes what is no longer rendered, and keeps an overlay's image", async () => {
    const overlay = join(directory, kustomizationOf("dev"));
    const image = { name: "ghcr.io/team/service", digest: `sha256:${"a".repeat(64)}` };
    const pinned = withImage(await readFile(overlay, "utf8"), image);
    await writeFile(overlay, pinned);
    expect(await staleFiles(directory, rendered)).toEqual([]);

    await writeFile(overlay, pinned.replace("../../base", "../elsewhere"));
    await writeFile(join(directory, "deploy/base/service-api.yaml"), "kind: Service\n");
    await writeFile(join(directory, "deploy/base/secret-x.yaml"), "kind: Secret\n");
    expect(await writeDeployFiles(directory, rendered)).toEqual([
      "deploy/base/secret-x.yaml",
      "deploy/base/service-api.yaml",
      "deploy/overlays/dev/kustomization.yaml",
    ]);
    expect(await staleFiles(directory, rendered)).toEqual([]);
    expect(await readFile(overlay, "utf8")).toBe(pinned);
  });
});
