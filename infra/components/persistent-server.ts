import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import type { Resources } from "../config/fields.ts";
import { labelsOf, selectorOf } from "./labels.ts";
import { fromPods } from "./network-rules.ts";
import { podNetworkPolicy } from "./pod-network-policy.ts";
import { type Mount, restrictedPodSpec } from "./restricted-pod.ts";

type Container = k8s.types.input.core.v1.Container;
type Probe = k8s.types.input.core.v1.Probe;

/** What a {@link persistentServer} is made of. */
export type PersistentServerArgs = {
  /** The part of the platform that it is: its name in labels, and the name of each of its objects. */
  readonly part: string;
  readonly namespace: pulumi.Input<string>;
  readonly image: pulumi.Input<string>;
  /** What the container runs. */
  readonly program: Pick<Container, "command" | "args" | "env">;
  /** The one port that it serves. */
  readonly port: { readonly name: string; readonly number: number };
  /** Labels that pick the pods that may talk to it. */
  readonly clients: readonly Readonly<Record<string, string>>[];
  readonly resources: Resources;
  /** Its volume, and where the container sees it. */
  readonly data: {
    readonly path: string;
    readonly storageClass: string;
    /** A Kubernetes quantity. */
    readonly size: string;
  };
  /** What is mounted beside the volume. @default nothing */
  readonly mounts?: readonly Mount[];
  /** How the node asks whether it serves. */
  readonly probe: Pick<Probe, "exec" | "httpGet">;
  /** How long a start may take. */
  readonly start: {
    /** Seconds between two questions, of which 120 may be answered with no. */
    readonly periodSeconds: number;
    readonly progressDeadlineSeconds: number;
    /** For how long the engine waits, such as `5m`. */
    readonly timeout: string;
  };
};

/**
 * A server that keeps what it knows on a volume of its own: one pod, which only the pods named as clients reach. It calls
 * nobody. A pod that is deleted may still end while the next one starts: a program that does not lock its files by itself, as
 * SQLite does, needs `one-at-a-time.ts`.
 *
 * @returns the Service in front of it, which is made when the pod is ready
 */
export const persistentServer = (
  name: string,
  args: PersistentServerArgs,
  options: pulumi.CustomResourceOptions,
): k8s.core.v1.Service => {
  const { part, namespace, image, program, port, clients, resources, data, mounts = [] } = args;
  const { periodSeconds, progressDeadlineSeconds, timeout } = args.start;
  const metadata = { name: part, namespace, labels: labelsOf(part) };
  const selector = selectorOf(part);
  const probe = (timing: Probe): Probe => ({ ...args.probe, timeoutSeconds: 5, ...timing });

  const policy = podNetworkPolicy(
    name,
    { part, namespace, ingress: [fromPods(clients, port.number)] },
    options,
  );
  const claim = new k8s.core.v1.PersistentVolumeClaim(
    name,
    {
      metadata,
      spec: {
        accessModes: ["ReadWriteOnce"],
        storageClassName: data.storageClass,
        resources: { requests: { storage: data.size } },
      },
    },
    options,
  );
  const volume = { name: "data", persistentVolumeClaim: { claimName: claim.metadata.name } };
  const deployment = new k8s.apps.v1.Deployment(
    name,
    {
      metadata,
      spec: {
        replicas: 1,
        revisionHistoryLimit: 3,
        progressDeadlineSeconds,
        selector: { matchLabels: selector },
        // In a roll-out the old pod is gone before the new one opens the files.
        strategy: { type: "Recreate" },
        template: {
          metadata: { labels: labelsOf(part) },
          spec: restrictedPodSpec({
            pod: {},
            container: {
              name: part,
              image,
              ...program,
              ports: [{ name: port.name, containerPort: port.number }],
              startupProbe: probe({ periodSeconds, failureThreshold: 120 }),
              readinessProbe: probe({ periodSeconds: 5, failureThreshold: 2 }),
              livenessProbe: probe({ periodSeconds: 20, failureThreshold: 3 }),
              resources,
            },
            mounts: [{ path: data.path, volume }, ...mounts],
          }),
        },
      },
    },
    { ...options, dependsOn: policy, customTimeouts: { create: timeout, update: timeout } },
  );
  return new k8s.core.v1.Service(
    name,
    {
      metadata,
      spec: {
        type: "ClusterIP",
        selector,
        ports: [{ name: port.name, port: port.number, targetPort: port.name }],
      },
    },
    { ...options, dependsOn: deployment },
  );
};
