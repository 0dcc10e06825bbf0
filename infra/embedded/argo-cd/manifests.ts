import { parseManifests } from "../../parse-manifests.ts";

type Fields = Readonly<Record<string, unknown>>;

/** An object of upstream's manifests. */
export type UpstreamObject = {
  readonly kind: string;
  readonly metadata: { readonly name: string } & Fields;
  readonly data?: Fields;
  readonly spec?: { readonly template?: { readonly spec?: PodSpec & Fields } & Fields } & Fields;
  readonly subjects?: readonly Fields[];
} & Fields;

type Container = { readonly name: string } & Fields;
type PodSpec = {
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
};

/** CPU and memory by container: upstream leaves them open. */
const RESOURCES: Readonly<Record<string, object>> = {
  "argocd-application-controller": amounts("100m", "192Mi", "2", "768Mi"),
  "argocd-repo-server": amounts("50m", "64Mi", "2", "512Mi"),
  redis: amounts("10m", "16Mi", "500m", "128Mi"),
};
const SMALL = amounts("10m", "32Mi", "500m", "128Mi");

function amounts(cpu: string, memory: string, cpuLimit: string, memoryLimit: string): object {
  return { requests: { cpu, memory }, limits: { cpu: cpuLimit, memory: memoryLimit } };
}

const withResources = (container: Container): Container => ({
  ...container,
  resources: RESOURCES[container.name] ?? SMALL,
});

const withPodResources = (object: UpstreamObject): UpstreamObject => {
  const pod = object.spec?.template?.spec;
  if (!pod) return object;
  const spec = {
    ...pod,
    containers: pod.containers.map(withResources),
    ...(pod.initContainers && { initContainers: pod.initContainers.map(withResources) }),
  };
  return { ...object, spec: { ...object.spec, template: { ...object.spec?.template, spec } } };
};

/** ApplicationSets make Applications out of templates; there is one Application here. Its type stays: the controller asks for it. */
const isUnused = ({ kind, metadata }: UpstreamObject): boolean =>
  metadata.name.includes("applicationset") && kind !== "CustomResourceDefinition";

/** Upstream's Secret is empty and the program fills it. */
const isOurs = ({ kind, metadata }: UpstreamObject): boolean =>
  kind === "Secret" && metadata.name === "argocd-secret";

/**
 * Upstream's core manifests as this cluster gets them: without what nothing uses, with limits, and with the time between two
 * looks at Git.
 *
 * @param lookAtGit a duration such as 10s
 */
export const adaptManifests = (text: string, lookAtGit: string): readonly UpstreamObject[] => {
  const settings: Readonly<Record<string, Fields>> = {
    "argocd-cm": {
      "timeout.reconciliation": lookAtGit,
      "timeout.reconciliation.jitter": "0s",
    },
    // So that the Application says which of its objects is not healthy, and why.
    "argocd-cmd-params-cm": { "controller.resource.health.persist": "true" },
  };
  return parseManifests<UpstreamObject>(text)
    .filter((object) => !isUnused(object) && !isOurs(object))
    .map(withPodResources)
    .map((object) => {
      const data = object.kind === "ConfigMap" && settings[object.metadata.name];
      return data ? { ...object, data: { ...object.data, ...data } } : object;
    });
};
