import { type Container, containersOf, type Handler, type PodSpec } from "../cluster-object.ts";
import { whenKnown } from "../unknown-values.ts";

const VOLUMES = new Set([
  "configMap",
  "csi",
  "downwardAPI",
  "emptyDir",
  "ephemeral",
  "persistentVolumeClaim",
  "projected",
  "secret",
]);
const PROFILES = ["RuntimeDefault", "Localhost"];
const SELINUX_TYPES = [
  "",
  "container_t",
  "container_init_t",
  "container_kvm_t",
  "container_engine_t",
];
const SYSCTLS = new Set([
  "kernel.shm_rmid_forced",
  "net.ipv4.ip_local_port_range",
  "net.ipv4.ip_local_reserved_ports",
  "net.ipv4.ip_unprivileged_port_start",
  "net.ipv4.ping_group_range",
  "net.ipv4.tcp_fin_timeout",
  "net.ipv4.tcp_keepalive_intvl",
  "net.ipv4.tcp_keepalive_probes",
  "net.ipv4.tcp_keepalive_time",
  "net.ipv4.tcp_rmem",
  "net.ipv4.tcp_syncookies",
  "net.ipv4.tcp_wmem",
]);

type Context = PodSpec["securityContext"] & object;
type Rule<Subject> = readonly [what: string, holds: (subject: Subject) => boolean];

/** Rules of a security context, wherever it stands. */
const CONTEXT_RULES: readonly Rule<Context>[] = [
  ["runs as root (runAsNonRoot is false)", (c) => c.runAsNonRoot !== false],
  ["runs as user 0 (runAsUser)", (c) => c.runAsUser !== 0],
  [
    "has a seccomp profile other than RuntimeDefault and Localhost",
    ({ seccompProfile }) =>
      seccompProfile === undefined || PROFILES.includes(seccompProfile.type ?? ""),
  ],
  [
    "has an AppArmor profile other than RuntimeDefault and Localhost",
    ({ appArmorProfile }) =>
      appArmorProfile === undefined || PROFILES.includes(appArmorProfile.type ?? ""),
  ],
  [
    "sets SELinux options",
    ({ seLinuxOptions: o }) =>
      SELINUX_TYPES.includes(o?.type ?? "") && (o?.user ?? "") === "" && (o?.role ?? "") === "",
  ],
  ["is a host process", ({ windowsOptions }) => windowsOptions?.hostProcess !== true],
];

const handlersOf = (container: Container): readonly (Handler | undefined)[] => [
  container.startupProbe,
  container.readinessProbe,
  container.livenessProbe,
  container.lifecycle?.postStart,
  container.lifecycle?.preStop,
];

/** Rules of a container in its pod. */
const containerRules = (pod: PodSpec): readonly Rule<Container>[] => [
  [
    "may gain privileges; set allowPrivilegeEscalation: false",
    ({ securityContext }) => securityContext?.allowPrivilegeEscalation === false,
  ],
  [
    'keeps capabilities; set capabilities: {drop: ["ALL"]}',
    ({ securityContext }) => securityContext?.capabilities?.drop?.includes("ALL") === true,
  ],
  [
    "adds capabilities",
    ({ securityContext }) =>
      (securityContext?.capabilities?.add ?? []).every((each) => each === "NET_BIND_SERVICE"),
  ],
  ["is privileged", ({ securityContext }) => securityContext?.privileged !== true],
  [
    "unmasks /proc (procMount)",
    ({ securityContext }) => (securityContext?.procMount ?? "Default") === "Default",
  ],
  [
    "may run as root; set runAsNonRoot: true",
    ({ securityContext }) =>
      (securityContext?.runAsNonRoot ?? pod.securityContext?.runAsNonRoot) !== undefined,
  ],
  [
    "has no seccomp profile; set seccompProfile: {type: RuntimeDefault}",
    ({ securityContext }) =>
      (securityContext?.seccompProfile ?? pod.securityContext?.seccompProfile) !== undefined,
  ],
  ["opens a port of the host", ({ ports }) => (ports ?? []).every((port) => !port.hostPort)],
  [
    "probes another host",
    (container) =>
      handlersOf(container).every((each) => !each?.httpGet?.host && !each?.tcpSocket?.host),
  ],
];

const POD_RULES: readonly Rule<PodSpec>[] = [
  ["shares the host's network", (pod) => pod.hostNetwork !== true],
  ["shares the host's process ids", (pod) => pod.hostPID !== true],
  ["shares the host's IPC", (pod) => pod.hostIPC !== true],
  [
    "sets unsafe sysctls",
    ({ securityContext }) =>
      (securityContext?.sysctls ?? []).every(({ name }) => SYSCTLS.has(name)),
  ],
];

const broken = <Subject>(
  label: string,
  subject: Subject,
  rules: readonly Rule<Subject>[],
): readonly string[] =>
  rules.flatMap(([what, holds]) => whenKnown(() => (holds(subject) ? [] : [`${label} ${what}`])));

const volumeKinds = (pod: PodSpec): readonly string[] =>
  (pod.volumes ?? []).flatMap((volume) =>
    Object.keys(volume)
      .filter((key) => key !== "name" && !VOLUMES.has(key))
      .map((key) => `volume "${String(volume["name"])}" is of type ${key}`),
  );

/**
 * What a pod violates of Kubernetes' pod-security profile "restricted"; empty when nothing.
 *
 * @see https://kubernetes.io/docs/concepts/security/pod-security-standards/
 */
export const restrictedPodSecurity = (pod: PodSpec): readonly string[] => [
  ...broken("the pod", pod, POD_RULES),
  ...whenKnown(() => broken("the pod", pod.securityContext ?? {}, CONTEXT_RULES)),
  ...whenKnown(() => volumeKinds(pod)),
  ...whenKnown(() =>
    containersOf(pod).flatMap(({ label, container }) => [
      ...whenKnown(() => broken(label, container.securityContext ?? {}, CONTEXT_RULES)),
      ...broken(label, container, containerRules(pod)),
    ]),
  ),
];
