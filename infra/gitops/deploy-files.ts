import { globSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { stringify } from "yaml";
import { parseSettings } from "../config/read-settings.ts";
import type { Settings } from "../config/settings.ts";
import { keepImages, PLACEHOLDER_DIGEST } from "./overlay-image.ts";
import { type Manifest, type RenderOptions, renderServices, SERVICE_IMAGE } from "./render.ts";
import { readStackSettings, stackNames } from "./stack-settings.ts";
import { strategicPatch } from "./strategic-patch.ts";

/** Where the rendered files lie, in this repository and in the one that Argo CD watches. */
export const DEPLOY_DIRECTORY = "deploy";

/** Path of an overlay's kustomization, relative to the repository. */
export const kustomizationOf = (overlay: string): string =>
  join(DEPLOY_DIRECTORY, "overlays", overlay, "kustomization.yaml");

const HEADER = "# Written by `make render` from the components of infra/; not by hand.\n";

const toYaml = (value: unknown): string => HEADER + stringify(value, { lineWidth: 0 });

const fileOf = ({ kind, metadata }: Manifest): string =>
  `${kind.replaceAll(/\B[A-Z]/g, (letter) => `-${letter}`).toLowerCase()}-${metadata.name}.yaml`;

const kustomization = (content: object): string =>
  toYaml({ apiVersion: "kustomize.config.k8s.io/v1beta1", kind: "Kustomization", ...content });

/**
 * An object of whose containers' environment only the names are known: an overlay states all the values, so that they can be
 * read in one place.
 */
const withoutValues = (manifest: Manifest): Manifest => {
  const { spec } = manifest as {
    spec?: { template?: { spec?: { containers?: { env?: { name: string }[] }[] } } };
  };
  const containers = spec?.template?.spec?.containers?.map((container) => ({
    ...container,
    ...(container.env && { env: container.env.map(({ name }) => ({ name })) }),
  }));
  if (manifest.kind !== "Deployment" || !containers) return manifest;
  const template = { ...spec?.template, spec: { ...spec?.template?.spec, containers } };
  return { ...manifest, spec: { ...spec, template } };
};

const identityOf = ({ apiVersion, kind, metadata: { name, namespace } }: Manifest) => ({
  apiVersion,
  kind,
  metadata: { name, namespace },
});

const overlayPatch = (base: Manifest, wanted: Manifest): object | undefined => {
  const patch = strategicPatch(withoutValues(base), wanted);
  return patch && { ...identityOf(wanted), ...patch };
};

/** What an overlay changes of the base's objects, and which ones it has beside them, by the names of their files. */
const overlayFiles = (
  base: readonly Manifest[],
  wanted: readonly Manifest[],
): Record<string, string> => {
  const sameIn = (manifests: readonly Manifest[], manifest: Manifest): Manifest | undefined =>
    manifests.find((other) => fileOf(other) === fileOf(manifest));
  const patches = base.flatMap((manifest) => {
    const same = sameIn(wanted, manifest);
    const patch = same
      ? overlayPatch(manifest, same)
      : { ...identityOf(manifest), $patch: "delete" };
    return patch ? [[fileOf(manifest), toYaml(patch)] as const] : [];
  });
  const own = wanted
    .filter((manifest) => !sameIn(base, manifest))
    .map((manifest) => [fileOf(manifest), toYaml(manifest)] as const);
  return {
    ...Object.fromEntries([...patches, ...own]),
    "kustomization.yaml": kustomization({
      resources: ["../../base", ...own.map(([path]) => path)],
      patches: patches.map(([path]) => ({ path })),
      images: [{ name: SERVICE_IMAGE, digest: PLACEHOLDER_DIGEST }],
    }),
  };
};

/** What a stack's objects are rendered by. */
export const optionsOf = (settings: Settings): RenderOptions => ({
  settings,
  exposure: settings.cluster.kind === "embedded" ? "nodePort" : "clusterIP",
});

/**
 * The files of `deploy/`, by path relative to the repository: a base, and overlays with what is different in each. The image's
 * digest is a placeholder.
 *
 * @param overlays objects by the overlay's name
 */
export const deployFiles = (
  base: readonly Manifest[],
  overlays: Readonly<Record<string, readonly Manifest[]>>,
): Readonly<Record<string, string>> => {
  const files: Record<string, string> = {};
  const add = (directory: string, content: Readonly<Record<string, string>>): void => {
    for (const [name, text] of Object.entries(content)) {
      files[join(DEPLOY_DIRECTORY, directory, name)] = text;
    }
  };
  add("base", {
    ...Object.fromEntries(base.map((manifest) => [fileOf(manifest), toYaml(manifest)])),
    "kustomization.yaml": kustomization({ resources: base.map(fileOf) }),
  });
  for (const [overlay, wanted] of Object.entries(overlays)) {
    add(join("overlays", overlay), overlayFiles(base, wanted));
  }
  return files;
};

/** No stack has this name: theirs have no slash. */
const BASE = "/base";

/** What `deploy/` has to be: the defaults as its base, and an overlay for each stack's settings, by the stack's name. */
export const renderDeployFiles = async (): Promise<Readonly<Record<string, string>>> => {
  const stacks = await Promise.all(
    stackNames().map(async (stack) => [stack, optionsOf(await readStackSettings(stack))] as const),
  );
  const variants: Record<string, RenderOptions> = Object.fromEntries(stacks);
  const rendered = await renderServices({ ...variants, [BASE]: optionsOf(parseSettings({})) });
  const { [BASE]: base = [], ...overlays } = rendered;
  return deployFiles(base, overlays);
};

/** Without the image lines of an overlay: those are set-image's. */
const withoutImages = (text: string): string => text.replace(/^images:\n(?:(?: {2}|- ).*\n)+/m, "");

/**
 * Which files of a directory differ from what is rendered now, an overlay's image apart: none when nothing is stale.
 *
 * @param directory the repository
 */
export const staleFiles = async (
  directory: string,
  rendered: Readonly<Record<string, string>>,
): Promise<string[]> => {
  const found = globSync(`${DEPLOY_DIRECTORY}/**/*.yaml`, { cwd: directory });
  const paths = [...new Set([...Object.keys(rendered), ...found])].sort();
  const stale = await Promise.all(
    paths.map(async (path) => {
      const committed = await readFile(join(directory, path), "utf8").catch(() => "");
      return withoutImages(committed) !== withoutImages(rendered[path] ?? "");
    }),
  );
  return paths.filter((_, index) => stale[index]);
};

/** Writes rendered files; an overlay keeps the image that it has, and files that are no longer rendered go. */
export const writeDeployFiles = async (
  directory: string,
  rendered: Readonly<Record<string, string>>,
): Promise<string[]> => {
  const stale = await staleFiles(directory, rendered);
  for (const path of stale) {
    const target = join(directory, path);
    const text = rendered[path];
    if (text === undefined) {
      await rm(target);
      continue;
    }
    const before = await readFile(target, "utf8").catch(() => undefined);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, before === undefined ? text : keepImages(text, before));
  }
  return stale;
};
