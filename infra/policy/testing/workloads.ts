import type { Declared } from "./judge.ts";

// biome-ignore lint/suspicious/noExplicitAny: tests bend objects of many kinds into shapes that no type allows
type Loose = any;

const DIGEST = `sha256:${"a".repeat(64)}`;

/** A container that keeps to every policy. */
export const container = (changes: Loose = {}): Loose => ({
  name: "main",
  image: `docker.io/library/web:1.2@${DIGEST}`,
  resources: { requests: { cpu: "1", memory: "1Mi" }, limits: { cpu: "1", memory: "1Mi" } },
  readinessProbe: { httpGet: { path: "/", port: 80 } },
  livenessProbe: { tcpSocket: { port: 80 } },
  securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
  ...changes,
});

/** The spec of a pod that keeps to every policy. */
export const podSpec = (changes: Loose = {}): Loose => ({
  securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
  containers: [container()],
  ...changes,
});

const TYPES = {
  Pod: "core/v1",
  ReplicationController: "core/v1",
  DaemonSet: "apps/v1",
  Deployment: "apps/v1",
  ReplicaSet: "apps/v1",
  StatefulSet: "apps/v1",
  Job: "batch/v1",
  CronJob: "batch/v1",
} as const;

/** A kind that makes pods. */
export type WorkloadKind = keyof typeof TYPES;
/** Every kind that makes pods. */
export const WORKLOAD_KINDS = Object.keys(TYPES) as WorkloadKind[];

/** A workload of a kind around the spec of its pods, where the kind has it. */
export const workload = (kind: WorkloadKind, pod: Loose, metadata: Loose = {}): Declared => {
  const template = { template: { spec: pod } };
  const spec =
    kind === "Pod" ? pod : kind === "CronJob" ? { jobTemplate: { spec: template } } : template;
  return {
    type: `kubernetes:${TYPES[kind]}:${kind}`,
    name: "work",
    inputs: { metadata: { name: "work", namespace: "space", ...metadata }, spec },
  };
};
