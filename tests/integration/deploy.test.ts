import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { ensureTools } from "../../infra/embedded/tools/build.ts";
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

describe("deploy/", () => {
  let wanted: Readonly<Record<"dev" | "embedded", readonly Manifest[]>>;
  beforeAll(async () => {
    await ensureTools("kubernetes");
    wanted = await renderServices({
      dev: { settings: await readStackSettings("dev"), exposure: "clusterIP" },
      embedded: { settings: await readStackSettings("embedded"), exposure: "nodePort" },
    });
  });

  it.each(["dev", "embedded"] as const)(
    "gives with kustomize what the components say, for %s",
    async (overlay) => {
      const directory = join(repositoryDirectory, "deploy/overlays", overlay);
      const text = await runCommand(join(binaryDirectory, "kubectl"), ["kustomize", directory]);
      expect([...parseManifests<Manifest>(text)].sort(byName)).toEqual(
        withPlaceholder(wanted[overlay]).sort(byName),
      );
    },
  );
});
