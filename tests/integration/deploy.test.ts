import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { ALLOWED_KINDS } from "../../infra/components/gitops-application.ts";
import { parseSettings } from "../../infra/config/read-settings.ts";
import { ensureTools } from "../../infra/embedded/tools/build.ts";
import { deployFiles, optionsOf, writeDeployFiles } from "../../infra/gitops/deploy-files.ts";
import { PLACEHOLDER_DIGEST } from "../../infra/gitops/overlay-image.ts";
import { type Manifest, renderServices, SERVICE_IMAGE } from "../../infra/gitops/render.ts";
import { readStackSettings } from "../../infra/gitops/stack-settings.ts";
import { parseManifests } from "../../infra/parse-manifests.ts";
import { binaryDirectory, repositoryDirectory } from "../../infra/paths.ts";
import { runCommand } from "../../infra/run-command.ts";

const byName = (a: Manifest, b: Manifest): number =>
  `${a.kind} ${a.metadata.name}` < `${b.kind} ${b.metadata.name}` ? -1 : 1;

/** The image that an overlay's placeholder stands for, in all that the components render. */
const withPlaceholder = (manifests: readonly Manifest[]): Manifest[] =>
  JSON.parse(
    JSON.stringify(manifests).replaceAll(
      `"image":"${SERVICE_IMAGE}"`,
      `"image":"${SERVICE_IMAGE}@${PLACEHOLDER_DIGEST}"`,
    ),
  );

const kustomize = async (directory: string, overlay: string): Promise<Manifest[]> => {
  const path = join(directory, "deploy/overlays", overlay);
  const text = await runCommand(join(binaryDirectory, "kubectl"), ["kustomize", path]);
  return [...parseManifests<Manifest>(text)].sort(byName);
};

/** Without the order of what has names, which a merge does not keep. */
const unordered = (value: unknown): unknown => {
  if (Array.isArray(value)) {
    const items = value.map(unordered);
    const named = items.every((item) => typeof item === "object");
    return named ? items.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : items;
  }
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, unordered(Reflect.get(value, key))]),
  );
};

/** Settings by which an object has less than the defaults give it, or is not there, or is there beside them. */
const ODD = {
  fewer: { cluster: { kind: "embedded" }, service: { port: 8085 }, monitoring: { enabled: false } },
  scaled: {
    cluster: {
      ...{ kind: "existing", kubeconfig: "/kubeconfig", context: "c" },
      registry: "registry.example.org/team",
    },
    service: { access: { keys: "keys.json" }, storage: { kind: "volume" } },
  },
};

describe("deploy/", () => {
  let base: readonly Manifest[];
  let wanted: Readonly<Record<"dev" | "embedded" | keyof typeof ODD, readonly Manifest[]>>;
  beforeAll(async () => {
    await ensureTools("kubernetes");
    ({ base, ...wanted } = await renderServices({
      base: optionsOf(parseSettings({})),
      dev: optionsOf(await readStackSettings("dev")),
      embedded: optionsOf(await readStackSettings("embedded")),
      fewer: optionsOf(parseSettings(ODD.fewer)),
      scaled: optionsOf(parseSettings(ODD.scaled)),
    }));
  });

  it.each(["dev", "embedded"] as const)(
    "gives with kustomize what the components say, for %s",
    async (overlay) => {
      expect(await kustomize(repositoryDirectory, overlay)).toEqual(
        withPlaceholder(wanted[overlay]).sort(byName),
      );
    },
  );

  it("has kinds only that Argo CD may deploy, whatever the settings", () => {
    const kinds = [base, ...Object.values(wanted)].flat().map(({ apiVersion, kind }) => {
      const [version, group = ""] = apiVersion.split("/").reverse();
      expect(version).toMatch(/^v\d/);
      return { group, kind };
    });
    expect(ALLOWED_KINDS).toEqual(expect.arrayContaining(kinds));
  });

  it.each(["fewer", "scaled"] as const)(
    "gives what the components say where a stack has less or more than the defaults: %s",
    async (overlay) => {
      const directory = await mkdtemp(join(tmpdir(), "deploy-"));
      onTestFinished(() => rm(directory, { recursive: true }));
      await writeDeployFiles(directory, deployFiles(base, wanted));
      expect(wanted[overlay]).not.toEqual(base);
      expect(unordered(await kustomize(directory, overlay))).toEqual(
        unordered(withPlaceholder(wanted[overlay])),
      );
    },
  );
});
