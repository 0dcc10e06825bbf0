import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import type { Settings } from "../config/settings.ts";
import { labelsOf } from "./labels.ts";
import { type ServiceVolumeArgs, serviceVolume } from "./service-volume.ts";

/** What a {@link ServiceStorage} is made of. */
export type ServiceStorageArgs = Pick<
  ServiceVolumeArgs,
  "namespace" | "accessMode" | "storageClass" | "usedByOthers"
> & {
  readonly settings: Pick<Settings["service"], "sampling" | "storage">;
};

/** The claim of the outputs that clients keep, and the Secret that signs links to them, by name. */
export const OUTPUTS = { claim: "outputs", secret: "outputs", key: "signing-key" } as const;

/** The claim of the photos that are kept for labelling. */
export const SAMPLES = { claim: "samples" } as const;

/** The volumes in which the service keeps what it is asked to keep, as far as the stack's settings have it keep anything. */
export class ServiceStorage extends pulumi.ComponentResource {
  constructor(name: string, args: ServiceStorageArgs, options?: pulumi.ComponentResourceOptions) {
    super("image-classification-platform:index:ServiceStorage", name, {}, options);
    const { settings, ...shared } = args;
    const { sampling, storage } = settings;
    const parent = { parent: this };
    if (storage.kind === "volume") {
      serviceVolume("outputs", { ...shared, claim: OUTPUTS.claim, size: storage.size }, parent);
      // Links that one replica signs are opened by another.
      const key = new random.RandomBytes("outputs", { length: 32 }, parent);
      new k8s.core.v1.Secret(
        "outputs",
        {
          metadata: {
            name: OUTPUTS.secret,
            namespace: args.namespace,
            labels: labelsOf(OUTPUTS.secret),
          },
          stringData: { [OUTPUTS.key]: pulumi.secret(key.hex) },
        },
        parent,
      );
    }
    if (sampling.enabled) {
      serviceVolume("samples", { ...shared, claim: SAMPLES.claim, size: sampling.size }, parent);
    }
    this.registerOutputs({});
  }
}
