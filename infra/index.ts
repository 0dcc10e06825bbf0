import { ApiKeys, PLATFORM_KEY } from "./components/api-keys.ts";
import { BatchQueue } from "./components/batch-queue.ts";
import { Cluster } from "./components/cluster.ts";
import { ContainerImage, directoryDigest, workspaceDigest } from "./components/container-image.ts";
import { labelledSetOnThisMachine, PostDeployEvaluation } from "./components/evaluation.ts";
import { GitOps } from "./components/gitops.ts";
import { APPLICATION } from "./components/gitops-application.ts";
import {
  addressOf,
  InferenceService,
  SERVICE_SELECTOR,
  serviceUrl,
} from "./components/inference-service.ts";
import { ModelStore } from "./components/model-store.ts";
import { ArgoCdWatch } from "./components/monitoring/argo-cd-watch.ts";
import { Monitoring } from "./components/monitoring/monitoring.ts";
import { ServiceWatch } from "./components/monitoring/service-watch.ts";
import { PlatformNamespace } from "./components/namespace.ts";
import { ServiceStorage } from "./components/service-storage.ts";
import { SmokeTest } from "./components/smoke-test.ts";
import { sourceDigest } from "./components/source-digest.ts";
import { TrackingServer } from "./components/tracking.ts";
import { TRAINING_SELECTOR, TrainingRun } from "./components/training-run.ts";
import { UpstreamImage } from "./components/upstream-image.ts";
import { readSettings } from "./config/read-settings.ts";
import { resolveTrainingSource } from "./training-source.ts";

const settings = readSettings();
const source = resolveTrainingSource(settings.training);

// Where everything runs.
const cluster = new Cluster("cluster", settings.cluster);
const { images: delivery, exposure, upstream } = cluster.traits;
const inCluster = { provider: cluster.provider };

const platform = new PlatformNamespace("platform", { name: "cats-dogs" }, inCluster);

// What watches it.
const target = { namespace: "cats-dogs", job: "api" };
const monitoring = settings.monitoring.enabled
  ? new Monitoring(
      "monitoring",
      {
        cluster,
        storageClass: settings.storageClass,
        settings: settings.monitoring,
        target,
        ...(settings.gitops.enabled && { application: APPLICATION }),
        serviceNamespace: platform.metadataName,
      },
      inCluster,
    )
  : undefined;

// What runs there.
const afterCluster = { dependsOn: cluster };

const serviceBuild = new ContainerImage(
  "service-image",
  {
    delivery,
    image: "service",
    dockerfile: "service/Dockerfile",
    digest: workspaceDigest("service"),
  },
  afterCluster,
);

const trainingBuild = new ContainerImage(
  "training-image",
  {
    delivery,
    image: "training",
    dockerfile: "training/Dockerfile",
    digest: workspaceDigest("training"),
  },
  afterCluster,
);

// The user's own photos travel to the cluster as an image on top of the training image.
const trainingBuildWithPhotos =
  source.kind === "folder"
    ? new ContainerImage(
        "photos-image",
        {
          delivery,
          image: "training-photos",
          dockerfile: "training/photos.Dockerfile",
          context: source.photos,
          base: trainingBuild.reference,
          digest: sourceDigest({ directory: source.photos, include: ["**"] }),
        },
        afterCluster,
      )
    : trainingBuild;

// Photos become a model, and MLflow remembers how,
const modelStore = new ModelStore(
  "model-store",
  {
    namespace: platform.metadataName,
    ...settings.modelStore,
    storageClass: settings.storageClass,
    usedByOthers: settings.gitops.enabled,
  },
  inCluster,
);

const trackingBuild = settings.tracking.enabled
  ? new ContainerImage(
      "tracking-image",
      {
        delivery,
        image: "mlflow",
        dockerfile: "infra/components/tracking/Dockerfile",
        context: "infra/components/tracking",
        digest: directoryDigest("infra/components/tracking"),
      },
      afterCluster,
    )
  : undefined;

const tracking =
  trackingBuild &&
  new TrackingServer(
    "tracking",
    {
      namespace: platform.metadataName,
      image: trackingBuild.reference,
      storageClass: settings.storageClass,
      settings: settings.tracking,
      clients: [TRAINING_SELECTOR],
    },
    inCluster,
  );

const trainingRun = new TrainingRun(
  "training",
  {
    namespace: platform.metadataName,
    image: trainingBuildWithPhotos.reference,
    modelStore,
    source,
    seed: settings.training.seed,
    resources: settings.training.resources,
    ...(tracking && { tracking }),
  },
  inCluster,
);

// batches wait in a Redis, where one is wanted,
const batchQueue = settings.batch.redis
  ? new BatchQueue(
      "batch-queue",
      {
        namespace: platform.metadataName,
        image:
          settings.batch.image ??
          // Its base is the service image's, which is assembled for that one.
          new UpstreamImage("redis", { image: "redis" }, { dependsOn: serviceBuild }).reference,
        storageClass: settings.storageClass,
        settings: settings.batch,
        clients: [SERVICE_SELECTOR],
      },
      inCluster,
    )
  : undefined;

// what clients ask to keep is on volumes, and where keys are asked for the platform has one, too,
const keyed = settings.service.access.keys !== undefined;
const { storage, sampling } = settings.service;
const serviceStorage =
  storage.kind === "volume" || sampling.enabled
    ? new ServiceStorage(
        "service-storage",
        {
          namespace: platform.metadataName,
          accessMode: settings.modelStore.accessMode,
          storageClass: settings.storageClass,
          usedByOthers: settings.gitops.enabled,
          settings: settings.service,
        },
        inCluster,
      )
    : undefined;
const apiKeys =
  settings.service.access.keys === undefined
    ? undefined
    : new ApiKeys(
        "api-keys",
        { namespace: platform.metadataName, file: settings.service.access.keys },
        inCluster,
      );
const serviceNeeds = [batchQueue, serviceStorage, apiKeys].filter((part) => part !== undefined);

// and the model answers: either Argo CD deploys from Git what answers and checks it,
const gitOps = settings.gitops.enabled
  ? new GitOps(
      "gitops",
      {
        upstream,
        kubeconfig: cluster.kubeconfig,
        namespace: platform.metadataName,
        image: serviceBuild.reference,
        trainingRun,
        settings,
      },
      {
        ...inCluster,
        dependsOn: [...(monitoring ? [monitoring] : []), ...serviceNeeds],
      },
    )
  : undefined;

// or this program does.
const ownService = gitOps
  ? undefined
  : new InferenceService(
      "api",
      {
        namespace: platform.metadataName,
        image: serviceBuild.reference,
        modelStore,
        exposure,
        scale: settings.service.scale,
        port: settings.service.port,
        resources: settings.service.resources,
        features: settings.service,
        ...(monitoring && { monitoring }),
        ...(batchQueue && { batchQueue }),
      },
      { ...inCluster, dependsOn: [trainingRun, ...serviceNeeds] },
    );

if (ownService) {
  new SmokeTest(
    "smoke-test",
    {
      namespace: platform.metadataName,
      image: serviceBuild.reference,
      modelStore,
      service: ownService,
      keyed,
      precision: settings.service.models.precision,
      trigger: { kind: "change", trainingRun },
    },
    inCluster,
  );
}

const service = ownService ?? addressOf(platform.metadataName, settings.service.port);

// It is watched, but not before it is there: a platform that is just being built would page for the missing service,
const deployment = ownService ?? gitOps;
if (monitoring) {
  new ServiceWatch(
    "api-metrics",
    {
      namespace: platform.metadataName,
      service,
      target,
      runbooks: settings.monitoring.runbooks,
    },
    { ...inCluster, dependsOn: deployment ? [monitoring, deployment] : monitoring },
  );
}
if (monitoring && gitOps) {
  new ArgoCdWatch(
    "argo-cd-metrics",
    { namespace: gitOps.argoCd },
    { ...inCluster, dependsOn: [monitoring, gitOps] },
  );
}

// and its answers are judged now and then.
if (settings.evaluation.enabled) {
  new PostDeployEvaluation(
    "evaluation",
    {
      namespace: platform.metadataName,
      image: trainingBuildWithPhotos.reference,
      modelStore,
      service,
      keyed,
      source,
      seed: settings.training.seed,
      settings: settings.evaluation,
    },
    inCluster,
  );
}

/** Where the service answers on this machine. */
export const url = serviceUrl(settings.service.port);
/** Namespace of everything in the cluster. */
export const namespace = platform.metadataName;
/** The image that serves, with its digest. */
export const serviceImage = serviceBuild.reference;
/** The image that trained, with its digest. */
export const trainingImage = trainingBuildWithPhotos.reference;
/** Path of the kubeconfig that reaches the cluster. */
export const kubeconfig = cluster.kubeconfig;
/** Context of that kubeconfig; undefined: its current one. */
export const context = cluster.context;
/** Claim of the volume that holds the models. */
export const modelStoreClaim = modelStore.claim;
/** What `make evaluate` asks the service about unless told otherwise, and the share of right answers that it demands. */
export const evaluation = {
  minAccuracy: settings.evaluation.minAccuracy,
  labelledSet: labelledSetOnThisMachine(source, settings.training.seed),
};
/** The MLflow server inside the cluster, for `make mlflow`; null when it is switched off. */
export const trackingServer = tracking ? { service: tracking.service, port: tracking.port } : null;
/** Namespace and name of the Argo CD Application that deploys the service; null without GitOps. */
export const application = gitOps?.application ?? null;
/** The Secret with the key that this platform's own commands ask the service with; null where it asks for none. */
export const platformKey = keyed ? PLATFORM_KEY : null;
