import { globSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { stringify } from "yaml";
import { parseSettings } from "../config/read-settings.ts";
import type { Settings } from "../config/settings.ts";
import { keepImages, PLACEHOLDER_DIGEST } from "./overlay-image.ts";
import { type Manifest, type RenderOptions, renderServices, SERVICE_IMAGE } from "./render.ts";
import { readStackSettings } from "./stack-settings.ts";
import { strategicPatch } from "./strategic-patch.ts";

/** Stacks that have an overlay of their name. */
const OVERLAYS = ["dev", "embedded"] as const;

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

/** An object without its containers' environment: an overlay states all of that, so that it can be read in one place. */
const withoutEnvironment = (manifest: Manifest): Manifest => {
  const { spec } = manifest as { spec?: { template?: { spec?: { containers?: object[] } } } };
  const containers = spec?.template?.spec?.containers?.map((container) => ({
    ...container,
    env: undefined,
  }));
  if (manifest.kind !== "Deployment" || !containers) return manifest;
  const template = { ...spec?.template, spec: { ...spec?.template?.spec, containers } };
  return { ...manifest, spec: { ...spec, template } };
};

const overlayPatch = (base: Manifest, wanted: Manifest): object | undefined => {
  const patch = strategicPatch(withoutEnvironment(base), wanted);
  const { apiVersion, kind, metadata } = wanted;
  const { name, namespace } = metadata;
  return patch && { apiVersion, kind, metadata: { name, namespace }, ...patch };
};

const overlayFiles = (
  base: readonly Manifest[],
  wanted: readonly Manifest[],
): Record<string, string> => {
  const patches = wanted.flatMap((manifest) => {
    const same = base.find((other) => fileOf(other) === fileOf(manifest));
    const patch = same && overlayPatch(same, manifest);
    return patch ? [[fileOf(manifest), toYaml(patch)] as const] : [];
  });
  return {
    ...Object.fromEntries(patches),
    "kustomization.yaml": kustomization({
      resources: ["../../base"],
      patches: patches.map(([path]) => ({ path })),
      images: [{ name: SERVICE_IMAGE, digest: PLACEHOLDER_DIGEST }],
    }),
  };
};

const optionsOf = (settings: Settings): RenderOptions => ({
  settings,
  exposure: settings.cluster.kind === "embedded" ? "nodePort" : "clusterIP",
});

/**
 * The files of `deploy/`, by path relative to the repository: a base with the defaults, and over it what each stack's
 * settings change. The image's digest is a placeholder.
 */
export const renderDeployFiles = async (): Promise<Readonly<Record<string, string>>> => {
  const rendered = await renderServices({
    base: optionsOf(parseSettings({})),
    dev: optionsOf(await readStackSettings("dev")),
    embedded: optionsOf(await readStackSettings("embedded")),
  });
  const { base } = rendered;
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
  for (const overlay of OVERLAYS) {
    add(join("overlays", overlay), overlayFiles(base, rendered[overlay]));
  }
  return files;
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
