import type { Recorded, Recording } from "./record-program.ts";

// biome-ignore lint/suspicious/noExplicitAny: rendered objects, as an API server would get them
type Rendered = any;

const ALLOWED_VOLUMES = [
  "configMap",
  "csi",
  "downwardAPI",
  "emptyDir",
  "ephemeral",
  "persistentVolumeClaim",
  "projected",
  "secret",
];

/** Objects of a kind, such as `apps/v1:Deployment`. */
export const objectsOf = ({ resources }: Recording, kind: string): readonly Recorded[] =>
  resources.filter(({ type }) => type === `kubernetes:${kind}`);

/** Every pod template of a recording, by the name of its owner. */
export const podTemplates = ({ resources }: Recording): Readonly<Record<string, Rendered>> =>
  Object.fromEntries(
    resources
      .filter(({ inputs }) => inputs.spec?.template)
      .map(({ name, inputs }) => [name, inputs.spec.template]),
  );

const containerViolations = (container: Rendered, pod: Rendered): readonly string[] => {
  const context = container.securityContext ?? {};
  const rules: Readonly<Record<string, boolean>> = {
    "privilege escalation": context.allowPrivilegeEscalation === false,
    capabilities:
      JSON.stringify(context.capabilities?.drop) === '["ALL"]' &&
      (context.capabilities.add ?? []).every((c: string) => c === "NET_BIND_SERVICE"),
    "non-root": (context.runAsNonRoot ?? pod.securityContext?.runAsNonRoot) === true,
    "root user": (context.runAsUser ?? pod.securityContext?.runAsUser) !== 0,
    privileged: context.privileged !== true,
    seccomp: ["RuntimeDefault", "Localhost"].includes(
      (context.seccompProfile ?? pod.securityContext?.seccompProfile)?.type,
    ),
    "host ports": (container.ports ?? []).every((p: Rendered) => !p.hostPort),
    // Beyond the standard: this project's own bar.
    "read-only root": context.readOnlyRootFilesystem === true,
    requests: Boolean(container.resources?.requests?.cpu && container.resources.requests.memory),
    limits: Boolean(container.resources?.limits?.cpu && container.resources.limits.memory),
  };
  return Object.keys(rules).filter((rule) => !rules[rule]);
};

/**
 * What a pod's spec violates of the pod-security profile "restricted" and of this project's own bar; empty when nothing.
 *
 * @see https://kubernetes.io/docs/concepts/security/pod-security-standards/
 */
export const podViolations = (pod: Rendered): readonly string[] => {
  const host = ["hostNetwork", "hostPID", "hostIPC"].filter((key) => pod[key]);
  const volumes = (pod.volumes ?? []).flatMap((volume: Rendered) =>
    Object.keys(volume).filter((key) => key !== "name" && !ALLOWED_VOLUMES.includes(key)),
  );
  const token = pod.automountServiceAccountToken === false ? [] : ["service-account token"];
  const containers = [...(pod.initContainers ?? []), ...(pod.containers ?? [])];
  return [
    ...host,
    ...volumes,
    ...token,
    ...(containers.length === 0 ? ["no container"] : []),
    ...containers.flatMap((container) => containerViolations(container, pod)),
  ];
};

/** Whether a label selector picks a pod template. */
export const selects = (
  matchLabels: Readonly<Record<string, string>>,
  template: Rendered,
): boolean =>
  Object.entries(matchLabels).every(([key, value]) => template.metadata?.labels?.[key] === value);
