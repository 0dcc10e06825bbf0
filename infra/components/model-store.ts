import * as pulumi from "@pulumi/pulumi";
import { type ServiceVolumeArgs, serviceVolume } from "./service-volume.ts";

/** What a {@link ModelStore} is made of. */
export type ModelStoreArgs = Omit<ServiceVolumeArgs, "claim">;

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
    const claim = serviceVolume(name, { claim: "model-store", ...args }, { parent: this });
    this.shared = args.accessMode === "ReadWriteMany";
    this.claim = claim.metadata.name;
    this.uid = claim.metadata.uid;
    this.registerOutputs({ claim: this.claim, uid: this.uid });
  }
}
