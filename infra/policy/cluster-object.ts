/** A Kubernetes object as a Pulumi program declares it. Reading a value that a preview does not know throws. */
export type ClusterObject = {
  /** Such as `Deployment`. */
  readonly kind: string;
  /** The API group; Pulumi's `core` for the one without a name. */
  readonly group: string;
  readonly metadata: Metadata;
  readonly spec: unknown;
};

type Metadata = {
  readonly name?: string;
  readonly namespace?: string;
  readonly annotations?: Readonly<Record<string, string>>;
};

type Profile = { readonly type?: string };

/** The parts of a security context, of a pod or of a container, that policies look at. */
type SecurityContext = {
  readonly allowPrivilegeEscalation?: boolean;
  readonly appArmorProfile?: Profile;
  readonly capabilities?: { readonly add?: readonly string[]; readonly drop?: readonly string[] };
  readonly privileged?: boolean;
  readonly procMount?: string;
  readonly runAsNonRoot?: boolean;
  readonly runAsUser?: number;
  readonly seccompProfile?: Profile;
  readonly seLinuxOptions?: {
    readonly type?: string;
    readonly user?: string;
    readonly role?: string;
  };
  readonly sysctls?: readonly { readonly name: string }[];
  readonly windowsOptions?: { readonly hostProcess?: boolean };
};

type Amounts = Readonly<Record<string, string | number>>;
/** What a probe or a lifecycle hook does. */
export type Handler = {
  readonly httpGet?: { readonly host?: string };
  readonly tcpSocket?: { readonly host?: string };
};

/** The parts of a container that policies look at. */
export type Container = {
  readonly name?: string;
  readonly image?: string;
  readonly ports?: readonly { readonly hostPort?: number }[];
  readonly resources?: { readonly requests?: Amounts; readonly limits?: Amounts };
  readonly securityContext?: SecurityContext;
  readonly startupProbe?: Handler;
  readonly readinessProbe?: Handler;
  readonly livenessProbe?: Handler;
  readonly lifecycle?: { readonly postStart?: Handler; readonly preStop?: Handler };
  /** `Always` makes an init container a sidecar. */
  readonly restartPolicy?: string;
};

/** The parts of a pod's spec that policies look at. */
export type PodSpec = {
  readonly containers?: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly hostNetwork?: boolean;
  readonly hostPID?: boolean;
  readonly hostIPC?: boolean;
  readonly restartPolicy?: string;
  readonly securityContext?: SecurityContext;
  readonly volumes?: readonly Readonly<Record<string, unknown>>[];
};

const PREFIX = "kubernetes:";

/**
 * The object that a resource declares; undefined for what is none (components, commands, providers) and for a patch or a
 * list, which are no objects of their own.
 *
 * @param type a Pulumi type such as `kubernetes:apps/v1:Deployment`
 */
export const clusterObject = (
  type: string,
  props: Readonly<Record<string, unknown>>,
): ClusterObject | undefined => {
  const [version, kind] = type.slice(PREFIX.length).split(":");
  if (!type.startsWith(PREFIX) || version === undefined || kind === undefined) return undefined;
  if (/(Patch|List)$/.test(kind)) return undefined;
  const [group = ""] = version.split("/");
  return {
    kind,
    group,
    get metadata() {
      return (props["metadata"] ?? {}) as Metadata;
    },
    get spec() {
      return props["spec"];
    },
  };
};

const TEMPLATED = new Set([
  "DaemonSet",
  "Deployment",
  "Job",
  "ReplicaSet",
  "ReplicationController",
  "StatefulSet",
]);

type Templated = { readonly template?: { readonly spec?: PodSpec } } | undefined;

/** The spec of the pods that an object makes; undefined for one that makes none. */
export const podSpecOf = ({ kind, group, spec }: ClusterObject): PodSpec | undefined => {
  // Other groups have kinds of the same names, for other things.
  if (!["core", "apps", "batch", "extensions"].includes(group)) return undefined;
  if (kind === "Pod") return spec as PodSpec | undefined;
  if (TEMPLATED.has(kind)) return (spec as Templated)?.template?.spec;
  if (kind === "CronJob") {
    return (spec as { readonly jobTemplate?: { readonly spec?: Templated } } | undefined)
      ?.jobTemplate?.spec?.template?.spec;
  }
  return undefined;
};

/** A container with the words that name it in a message. */
export type NamedContainer = { readonly label: string; readonly container: Container };

/** The containers of a pod, those that run before the others first. */
export const containersOf = (pod: PodSpec): readonly NamedContainer[] => [
  ...(pod.initContainers ?? []).map((container) => ({
    label: `init container "${container.name ?? "?"}"`,
    container,
  })),
  ...(pod.containers ?? []).map((container) => ({
    label: `container "${container.name ?? "?"}"`,
    container,
  })),
];
