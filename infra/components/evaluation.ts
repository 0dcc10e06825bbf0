import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Settings } from "../config/settings.ts";
import type { TrainingSource } from "../training-source.ts";
import { platformKeyVariable } from "./api-keys.ts";
import type { ServiceAddress } from "./inference-service.ts";
import { labelsOf } from "./labels.ts";
import type { ModelStore } from "./model-store.ts";
import { toClusterDns, toHttpOf } from "./network-rules.ts";
import { besideServicePods } from "./placement.ts";
import { podNetworkPolicy } from "./pod-network-policy.ts";
import { modelStoreMount, restrictedPodSpec, scratch } from "./restricted-pod.ts";
import { sourceArguments } from "./training-run.ts";

/** What a {@link PostDeployEvaluation} is made of. */
export type PostDeployEvaluationArgs = {
  readonly namespace: pulumi.Input<string>;
  /** Reference of the training image (with the photos for source `folder`): it draws or holds the labelled pictures. */
  readonly image: pulumi.Input<string>;
  readonly modelStore: ModelStore;
  readonly service: ServiceAddress;
  /** Whether the service asks for a key. */
  readonly keyed: boolean;
  readonly source: TrainingSource;
  readonly seed: number;
  readonly settings: Settings["evaluation"];
};

const NAME = "post-deploy-evaluation";

/**
 * A CronJob that sends labelled pictures through the running service and fails when fewer than the stack's share are
 * answered right. The pictures are those that training kept back for its test, which its image draws or holds; Kaggle's
 * archive is too much to download for that, so there it is the few golden pictures of the model.
 */
export class PostDeployEvaluation extends pulumi.ComponentResource {
  /** Name of the CronJob. */
  readonly cronJob: pulumi.Output<string>;

  constructor(
    name: string,
    args: PostDeployEvaluationArgs,
    options?: pulumi.ComponentResourceOptions,
  ) {
    super("image-classification-platform:index:PostDeployEvaluation", name, {}, options);
    const { namespace, image, modelStore, service, keyed, source, seed, settings } = args;
    const metadata = { name: NAME, namespace, labels: labelsOf(NAME) };

    const policy = podNetworkPolicy(
      name,
      { part: NAME, namespace, egress: [toClusterDns, toHttpOf(service.selector)] },
      { parent: this },
    );

    const golden = source.kind === "kaggle";
    const pod = restrictedPodSpec({
      pod: {
        restartPolicy: "Never",
        ...(golden && besideServicePods(modelStore, service.selector)),
      },
      container: {
        name: NAME,
        image,
        command: ["node", "training/cli/evaluate.ts"],
        args: [
          ...(golden
            ? ["--golden", "/models"]
            : [...sourceArguments(source), "--seed", String(seed)]),
          ...["--url", service.clusterUrl, "--min-accuracy", String(settings.minAccuracy)],
          ...["--out", "/scratch/post_deploy_eval.csv"],
        ],
        ...(keyed && { env: [platformKeyVariable] }),
        resources: settings.resources,
      },
      mounts: [
        ...(golden ? [modelStoreMount(modelStore.claim, "read")] : []),
        scratch("scratch", "/scratch", "64Mi"),
      ],
    });
    const cronJob = new k8s.batch.v1.CronJob(
      name,
      {
        metadata,
        spec: {
          schedule: settings.schedule,
          // An evaluation that was missed for long is worth less than the next one.
          startingDeadlineSeconds: 3600,
          concurrencyPolicy: "Forbid",
          successfulJobsHistoryLimit: 1,
          failedJobsHistoryLimit: 3,
          jobTemplate: {
            metadata: { labels: labelsOf(NAME) },
            spec: {
              // Its log says what was wrong; asking again at once would say the same.
              backoffLimit: 0,
              activeDeadlineSeconds: 3600,
              template: { metadata: { labels: labelsOf(NAME) }, spec: pod },
            },
          },
        },
      },
      { parent: this, dependsOn: policy },
    );
    this.cronJob = cronJob.metadata.name;
    this.registerOutputs({ cronJob: this.cronJob });
  }
}

/**
 * Options of the same command on the user's machine: their own photos lie elsewhere than in the image, and where the
 * model was trained on Kaggle's photos it is asked about drawn ones.
 */
export const labelledSetOnThisMachine = (
  source: TrainingSource,
  seed: number,
): readonly string[] => {
  switch (source.kind) {
    case "folder":
      return ["--source", "folder", "--data", source.photos, "--seed", String(seed)];
    case "sample":
      return [...sourceArguments(source), "--seed", String(seed)];
    case "kaggle":
      return ["--source", "sample", "--seed", String(seed)];
  }
};
