import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { labelsOf } from "./labels.ts";

/** What a {@link serviceVolume} is made of. */
export type ServiceVolumeArgs = {
  /** Name of the claim. */
  readonly claim: string;
  readonly namespace: pulumi.Input<string>;
  /** A Kubernetes quantity. */
  readonly size: string;
  readonly accessMode: "ReadWriteOnce" | "ReadWriteMany";
  readonly storageClass: string;
  /** Whether pods use it that this program does not know, and so cannot end before it removes the volume. */
  readonly usedByOthers: boolean;
};

/** The claim of a volume that the service's pods have in common. */
export const serviceVolume = (
  name: string,
  { claim, namespace, size, accessMode, storageClass, usedByOthers }: ServiceVolumeArgs,
  options: pulumi.CustomResourceOptions,
): k8s.core.v1.PersistentVolumeClaim =>
  new k8s.core.v1.PersistentVolumeClaim(
    name,
    {
      metadata: {
        name: claim,
        namespace,
        labels: labelsOf(claim),
        // It goes when its last pod has gone, with the namespace; waiting for that here would be waiting for ever.
        ...(usedByOthers && { annotations: { "pulumi.com/skipAwait": "true" } }),
      },
      spec: {
        accessModes: [accessMode],
        storageClassName: storageClass,
        resources: { requests: { storage: size } },
      },
    },
    options,
  );
