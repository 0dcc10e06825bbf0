import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { labelsOf } from "./labels.ts";

/** What a {@link ModelStore} is made of. */
export type ModelStoreArgs = {
  readonly namespace: pulumi.Input<string>;
  /** A Kubernetes quantity. */
  readonly size: string;
  readonly accessMode: "ReadWriteOnce" | "ReadWriteMany";
  readonly storageClass: string;
  /** Whether pods use it that this program does not know, and so cannot end before it removes the volume. */
  readonly usedByOthers: boolean;
};

/** The volume in which training publishes models by digest and from which the service takes them. */
export class ModelStore extends pulumi.ComponentResource {
  /** Name of the claim. */
  readonly claim: pulumi.Output<string>;
  /** Identity of the claim: another one means an empty store. */
  readonly uid: pulumi.Output<string>;
  /** Whether pods of several nodes can read it at the same time. */
  readonly shared: boolean;

  constructor(name: string, args: ModelStoreArgs, options?: pulumi.ComponentResourceOptions) {
    super("image-classification-platform:index:ModelStore", name, {}, options);
    const claim = new k8s.core.v1.PersistentVolumeClaim(
      name,
      {
        metadata: {
          name: "model-store",
          namespace: args.namespace,
          labels: labelsOf("model-store"),
          // It goes when its last pod has gone, with the namespace; waiting for that here would be waiting for ever.
          ...(args.usedByOthers && { annotations: { "pulumi.com/skipAwait": "true" } }),
        },
        spec: {
          accessModes: [args.accessMode],
          storageClassName: args.storageClass,
          resources: { requests: { storage: args.size } },
        },
      },
      { parent: this },
    );
    this.shared = args.accessMode === "ReadWriteMany";
    this.claim = claim.metadata.name;
    this.uid = claim.metadata.uid;
    this.registerOutputs({ claim: this.claim, uid: this.uid });
  }
}
