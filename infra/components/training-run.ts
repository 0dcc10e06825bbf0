import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Resources } from "../config/fields.ts";
import type { KaggleToken, TrainingSource } from "../training-source.ts";
import { SERVICE_SELECTOR } from "./inference-service.ts";
import { labelsOf, selectorOf } from "./labels.ts";
import type { ModelStore } from "./model-store.ts";
import { toClusterDns, toHttpOf, toHttps } from "./network-rules.ts";
import { nearServicePods } from "./placement.ts";
import { podNetworkPolicy } from "./pod-network-policy.ts";
import { REPLACE_UNREADY } from "./replace-unready.ts";
import { modelStoreMount, restrictedPodSpec, scratch } from "./restricted-pod.ts";
import type { TrackingServer } from "./tracking.ts";

/** What a {@link TrainingRun} is made of. */
export type TrainingRunArgs = {
  readonly namespace: pulumi.Input<string>;
  /** Reference of the training image; for source `folder` the one that holds the photos. */
  readonly image: pulumi.Input<string>;
  readonly modelStore: ModelStore;
  readonly source: TrainingSource;
  readonly seed: number;
  readonly resources: Resources;
  /** Where the run is tracked; without it, it is not. */
  readonly tracking?: TrackingServer;
};

/** Where {@link ContainerImage}s of source `folder` keep the photos: see training/photos.Dockerfile. */
const PHOTOS = "/photos";

const NAME = "training";

/** Labels that pick a run's pods. */
export const TRAINING_SELECTOR = selectorOf(NAME);

/** A Job that trains a model and publishes it in the model store. A changed image, source or store is a new run. */
export class TrainingRun extends pulumi.ComponentResource {
  /** Identity of the run: another one means that the store may offer another model. */
  readonly uid: pulumi.Output<string>;

  constructor(name: string, args: TrainingRunArgs, options?: pulumi.ComponentResourceOptions) {
    super("image-classification-platform:index:TrainingRun", name, {}, options);
    const { namespace, image, modelStore, source, seed, resources, tracking } = args;
    const metadata = { name: NAME, namespace, labels: labelsOf(NAME) };
    const credentials =
      source.kind === "kaggle" ? kaggleSecret(name, namespace, source.token, this) : undefined;

    const policy = podNetworkPolicy(
      name,
      { part: NAME, namespace, ...egressOf(source, tracking) },
      { parent: this },
    );

    const job = new k8s.batch.v1.Job(
      name,
      {
        metadata: { ...metadata, annotations: REPLACE_UNREADY },
        spec: {
          backoffLimit: 2,
          activeDeadlineSeconds: 3600,
          template: {
            metadata: {
              labels: labelsOf(NAME),
              annotations: { "image-classification-platform/model-store": modelStore.uid },
            },
            spec: restrictedPodSpec({
              pod: { restartPolicy: "Never", ...nearServicePods(modelStore, SERVICE_SELECTOR) },
              container: {
                name: NAME,
                image,
                args: [...sourceArguments(source), "--seed", String(seed), ...OUTPUTS],
                env: [
                  { name: "XDG_CACHE_HOME", value: "/scratch/cache" },
                  ...(tracking
                    ? [
                        { name: "MLFLOW_TRACKING_URI", value: tracking.url },
                        // On the volume: what could not be sent outlives this pod, and the next run sends it.
                        { name: "TRACKING_COPIES", value: "/models/tracking" },
                      ]
                    : []),
                ],
                ...(credentials && {
                  envFrom: [{ secretRef: { name: credentials.metadata.name } }],
                }),
                resources,
              },
              mounts: [
                modelStoreMount(modelStore.claim, "publish"),
                scratch("scratch", "/scratch", "4Gi"),
              ],
            }),
          },
        },
      },
      {
        parent: this,
        dependsOn: tracking ? [policy, tracking] : policy,
        // Its name is fixed and nearly all of its spec is immutable.
        deleteBeforeReplace: true,
        customTimeouts: { create: "65m", update: "65m" },
      },
    );
    this.uid = job.metadata.uid;
    this.registerOutputs({ uid: this.uid });
  }
}

const egressOf = (source: TrainingSource, tracking: TrackingServer | undefined) => {
  const rules = [
    ...(source.kind === "kaggle" ? [toHttps] : []),
    ...(tracking ? [toHttpOf(tracking.selector)] : []),
  ];
  return rules.length > 0 && { egress: [toClusterDns, ...rules] };
};

const OUTPUTS = [
  ["--out", "/scratch/model"],
  ["--publish", "/models"],
  ["--splits", "/scratch/splits"],
  ["--figures", "/scratch/figures"],
].flat();

/** The options that make a command of the training image read a source. */
export const sourceArguments = (source: TrainingSource): readonly string[] => {
  switch (source.kind) {
    case "kaggle":
      return ["--source", "kaggle", "--data", "/scratch/data"];
    case "folder":
      return ["--source", "folder", "--data", PHOTOS];
    case "sample":
      return ["--source", "sample", "--count", String(source.count)];
  }
};

const kaggleSecret = (
  name: string,
  namespace: pulumi.Input<string>,
  { username, key }: KaggleToken,
  parent: TrainingRun,
): k8s.core.v1.Secret => {
  const encoded = (value: string) => pulumi.secret(Buffer.from(value).toString("base64"));
  return new k8s.core.v1.Secret(
    `${name}-kaggle`,
    {
      metadata: { name: "kaggle-credentials", namespace, labels: labelsOf(NAME) },
      data: { KAGGLE_USERNAME: encoded(username), KAGGLE_KEY: encoded(key) },
    },
    { parent },
  );
};
