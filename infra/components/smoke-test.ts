import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { platformKeyVariable } from "./api-keys.ts";
import type { InferenceService } from "./inference-service.ts";
import { labelsOf } from "./labels.ts";
import type { ModelStore } from "./model-store.ts";
import { toClusterDns, toHttpOf } from "./network-rules.ts";
import { besideServicePods } from "./placement.ts";
import { podNetworkPolicy } from "./pod-network-policy.ts";
import { REPLACE_UNREADY } from "./replace-unready.ts";
import { modelStoreMount, restrictedPodSpec } from "./restricted-pod.ts";
import type { ServiceFeatures } from "./service-features.ts";
import type { TrainingRun } from "./training-run.ts";

/** What a {@link SmokeTest} is made of. */
export type SmokeTestArgs = {
  readonly namespace: pulumi.Input<string>;
  /** Reference of the service's image: it carries the test. */
  readonly image: pulumi.Input<string>;
  readonly modelStore: Pick<ModelStore, "claim" | "shared">;
  readonly service: InferenceService;
  /** Whether the service asks for a key. */
  readonly keyed: boolean;
  /** What the service was told to serve. @default what model.json says */
  readonly precision: ServiceFeatures["models"]["precision"];
  readonly trigger: SmokeTestTrigger;
};

/** What the test runs for: a change that this program makes, or each sync of Argo CD. */
type SmokeTestTrigger =
  | { readonly kind: "change"; readonly trainingRun: TrainingRun }
  | { readonly kind: "sync" };

const NAME = "smoke-test";

const RESOURCES = {
  requests: { cpu: "50m", memory: "64Mi" },
  limits: { cpu: "500m", memory: "256Mi" },
};

/**
 * The last run stays to be read until the next one begins. No time to live: Argo CD would wait for ever for a hook that
 * went away by itself.
 */
const POST_SYNC_HOOK = {
  "argocd.argoproj.io/hook": "PostSync",
  "argocd.argoproj.io/hook-delete-policy": "BeforeHookCreation",
};

/**
 * A Job that predicts the model's labelled images through the service from inside the cluster and checks labels and digest.
 * The deployment fails when it fails: `up`, for which other pods or another training run are a reason to test again, or the
 * sync of Argo CD, which runs it as a hook behind each.
 */
export class SmokeTest extends pulumi.ComponentResource {
  /** Name of the Job. */
  readonly job: pulumi.Output<string>;

  constructor(name: string, args: SmokeTestArgs, options?: pulumi.ComponentResourceOptions) {
    super("image-classification-platform:index:SmokeTest", name, {}, options);
    const { namespace, image, modelStore, service, keyed, precision, trigger } = args;
    const metadata = { name: NAME, namespace, labels: labelsOf(NAME) };

    const policy = podNetworkPolicy(
      name,
      { part: NAME, namespace, egress: [toClusterDns, toHttpOf(service.selector)] },
      { parent: this },
    );

    const job = new k8s.batch.v1.Job(
      name,
      {
        metadata: {
          ...metadata,
          annotations: trigger.kind === "sync" ? POST_SYNC_HOOK : REPLACE_UNREADY,
        },
        spec: {
          // Its log says what was wrong at once; another try would only delay that.
          backoffLimit: 0,
          activeDeadlineSeconds: 180,
          template: {
            metadata: {
              labels: labelsOf(NAME),
              ...(trigger.kind === "change" && {
                annotations: {
                  "image-classification-platform/service": service.fingerprint,
                  "image-classification-platform/training-run": trigger.trainingRun.uid,
                },
              }),
            },
            spec: restrictedPodSpec({
              pod: {
                restartPolicy: "Never",
                ...besideServicePods(modelStore, service.selector),
              },
              container: {
                name: NAME,
                image,
                command: ["node", "service/smoke-test.cjs"],
                args: [
                  ...["--url", service.clusterUrl, "--model", "/models"],
                  ...(precision === undefined ? [] : ["--precision", precision]),
                ],
                ...(keyed && { env: [platformKeyVariable] }),
                resources: RESOURCES,
              },
              mounts: [modelStoreMount(modelStore.claim, "read")],
            }),
          },
        },
      },
      {
        parent: this,
        dependsOn: [policy, service],
        // Its name is fixed and its pods' spec immutable.
        deleteBeforeReplace: true,
        customTimeouts: { create: "5m", update: "5m" },
      },
    );
    this.job = job.metadata.name;
    this.registerOutputs({ job: this.job });
  }
}
