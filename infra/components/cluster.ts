import { accessSync } from "node:fs";
import { local } from "@pulumi/command";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Settings } from "../config/settings.ts";
import { minikubeKubeconfig, repositoryDirectory } from "../paths.ts";

/** How images reach the nodes of a cluster. */
export type ImageDelivery = {
  /** The builder: see `node infra/cli/image.ts`. */
  readonly target: "embedded" | "minikube" | "registry";
  /** What image names start with. */
  readonly registry: string;
  /** Environment of the builder. */
  readonly environment: Readonly<Record<string, string>>;
};

/** What differs between kinds of clusters; everything else of the program knows only a kubeconfig. */
export type ClusterTraits = {
  readonly images: ImageDelivery;
  /**
   * How the service is reached from the machine: the embedded cluster serves its node port on 127.0.0.1, elsewhere
   * `make up` forwards a port.
   */
  readonly exposure: "nodePort" | "clusterIP";
  /** Where the platform's own software comes from: charts, or where none can be reached Go modules and packages. */
  readonly upstream: "charts" | "modules";
};

type Access = {
  readonly kubeconfig: pulumi.Input<string>;
  readonly context?: string;
  readonly traits: ClusterTraits;
};

type SettingsOf<Kind> = Extract<Settings["cluster"], { kind: Kind }>;

const OWN_NAMES = "docker.io/cats-dogs";

/** A Kubernetes cluster to deploy to: started (and stopped) by this project, or only read. */
export class Cluster extends pulumi.ComponentResource {
  /** Provider of everything that lives in the cluster. */
  readonly provider: k8s.Provider;
  /** Path of the kubeconfig. */
  readonly kubeconfig: pulumi.Output<string>;
  /** Context of the kubeconfig; undefined: its current one. */
  readonly context: string | undefined;
  readonly traits: ClusterTraits;

  constructor(
    name: string,
    settings: Settings["cluster"],
    options?: pulumi.ComponentResourceOptions,
  ) {
    super("image-classification-platform:index:Cluster", name, {}, options);
    const { kubeconfig, context, traits } = access(name, settings, this);
    this.traits = traits;
    this.context = context;
    this.kubeconfig = pulumi.output(kubeconfig);
    this.provider = new k8s.Provider(
      name,
      { kubeconfig, ...(context && { context }), enableServerSideApply: true },
      { parent: this },
    );
    this.registerOutputs({ kubeconfig: this.kubeconfig });
  }
}

const access = (name: string, settings: Settings["cluster"], parent: Cluster): Access => {
  switch (settings.kind) {
    case "embedded":
      return startEmbedded(name, parent);
    case "minikube":
      return startMinikube(name, settings, parent);
    case "existing":
      return readExisting(settings);
  }
};

/** Its create is idempotent and prints the kubeconfig's path; its delete leaves nothing behind. */
const startEmbedded = (name: string, parent: Cluster): Access => {
  const node = new local.Command(
    name,
    {
      dir: repositoryDirectory,
      create: "node infra/cli/cluster.ts start",
      delete: "node infra/cli/cluster.ts stop",
    },
    { parent },
  );
  return {
    kubeconfig: node.stdout,
    traits: {
      images: { target: "embedded", registry: OWN_NAMES, environment: {} },
      exposure: "nodePort",
      upstream: "modules",
    },
  };
};

/** Minikube writes the kubeconfig that KUBECONFIG names, so the user's own stays as it is. Calico enforces network policies. */
const startMinikube = (
  name: string,
  { profile, cpus, memory }: SettingsOf<"minikube">,
  parent: Cluster,
): Access => {
  const kubeconfig = minikubeKubeconfig(profile);
  const minikube = new local.Command(
    name,
    {
      dir: repositoryDirectory,
      create: `minikube start --profile ${profile} --cpus ${cpus} --memory ${memory} --cni calico`,
      delete: `minikube delete --profile ${profile}`,
      environment: { KUBECONFIG: kubeconfig },
    },
    { parent },
  );
  return {
    // Through stdout, so that a first preview takes the path as unknown and does not look for a file that is not there yet.
    kubeconfig: minikube.stdout.apply(() => kubeconfig),
    context: profile,
    traits: {
      images: {
        target: "minikube",
        registry: OWN_NAMES,
        environment: { MINIKUBE_PROFILE: profile },
      },
      exposure: "clusterIP",
      upstream: "charts",
    },
  };
};

const readExisting = ({ kubeconfig, context, registry }: SettingsOf<"existing">): Access => {
  try {
    accessSync(kubeconfig);
  } catch {
    throw new pulumi.RunError(
      `cluster.kubeconfig: ${kubeconfig} cannot be read; give the path of a kubeconfig.`,
    );
  }
  return {
    kubeconfig,
    context,
    traits: {
      images: { target: "registry", registry, environment: {} },
      exposure: "clusterIP",
      upstream: "charts",
    },
  };
};
