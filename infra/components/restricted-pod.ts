import type * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import type { Resources } from "../config/fields.ts";

type PodSpec = k8s.types.input.core.v1.PodSpec;
type Container = k8s.types.input.core.v1.Container;
type Volume = k8s.types.input.core.v1.Volume;

/** A pod of one container. */
export type RestrictedPodArgs = {
  readonly container: Omit<Container, "securityContext" | "resources" | "volumeMounts"> & {
    readonly image: pulumi.Input<string>;
    readonly resources: Resources;
  };
  /** Volumes and where the container sees them; `/tmp` is always there. */
  readonly mounts: readonly Mount[];
  /** Anything else of the pod. */
  readonly pod: Omit<PodSpec, "containers" | "volumes" | "securityContext">;
};

/** A volume at a path. */
export type Mount = {
  readonly path: string;
  /** Only ever written as true: the API server drops a false one, and a refresh would show that as a change. */
  readonly readOnly?: true;
  readonly volume: Volume & { readonly name: string };
};

const USER = 1000;

/** A directory that lives and dies with its pod. */
export const scratch = (name: string, path: string, sizeLimit: string): Mount => ({
  path,
  volume: { name, emptyDir: { sizeLimit } },
});

/** The model store at `/models`, to read or to publish in. */
export const modelStoreMount = (
  claimName: pulumi.Input<string>,
  access: "read" | "publish",
): Mount => {
  const readOnly = access === "read" ? { readOnly: true as const } : {};
  return {
    path: "/models",
    ...readOnly,
    volume: { name: "models", persistentVolumeClaim: { claimName, ...readOnly } },
  };
};

/**
 * The one way in which this project writes a pod: Kubernetes' pod-security profile "restricted", and beyond it a read-only
 * root file system, no service-account token and a group that may write the volumes.
 *
 * @see https://kubernetes.io/docs/concepts/security/pod-security-standards/
 */
export const restrictedPodSpec = ({ container, mounts, pod }: RestrictedPodArgs): PodSpec => {
  const all = [...mounts, scratch("tmp", "/tmp", "256Mi")];
  return {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    ...pod,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: USER,
      runAsGroup: USER,
      fsGroup: USER,
      fsGroupChangePolicy: "OnRootMismatch",
      seccompProfile: { type: "RuntimeDefault" },
    },
    containers: [
      {
        // Images are named by digest or content tag, so a node's copy is never stale.
        imagePullPolicy: "IfNotPresent",
        ...container,
        securityContext: {
          allowPrivilegeEscalation: false,
          capabilities: { drop: ["ALL"] },
          readOnlyRootFilesystem: true,
        },
        volumeMounts: all.map(({ path, readOnly, volume }) => ({
          name: volume.name,
          mountPath: path,
          ...(readOnly && { readOnly }),
        })),
      },
    ],
    volumes: all.map(({ volume }) => volume),
  };
};
