import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Settings } from "../config/settings.ts";
import { labelsOf, selectorOf } from "./labels.ts";
import { fromPods } from "./network-rules.ts";
import { podNetworkPolicy } from "./pod-network-policy.ts";
import { restrictedPodSpec } from "./restricted-pod.ts";

/** What a {@link TrackingServer} is made of. */
export type TrackingServerArgs = {
  readonly namespace: pulumi.Input<string>;
  /** Reference of the MLflow image. */
  readonly image: pulumi.Input<string>;
  readonly storageClass: string;
  readonly settings: Settings["tracking"];
  /** Labels that pick the pods that may talk to it. */
  readonly clients: readonly Readonly<Record<string, string>>[];
};

const NAME = "tracking";
const PORT = 5000;
const DATA = "/data";

/**
 * An MLflow server: runs and registered models in SQLite, artifacts beside it on the same volume. It has no passwords, so
 * only the pods named as clients reach it, and people through a port-forward.
 */
export class TrackingServer extends pulumi.ComponentResource {
  /** Where its clients in the cluster reach it. */
  readonly url: pulumi.Output<string>;
  /** Name of the Service. */
  readonly service: pulumi.Output<string>;
  readonly port = PORT;
  /** Labels that pick its pod. */
  readonly selector = selectorOf(NAME);

  constructor(name: string, args: TrackingServerArgs, options?: pulumi.ComponentResourceOptions) {
    super("image-classification-platform:index:TrackingServer", name, {}, options);
    const { namespace, image, storageClass, settings, clients } = args;
    const metadata = { name: NAME, namespace, labels: labelsOf(NAME) };
    const selector = { matchLabels: this.selector };
    const parent = { parent: this };

    const policy = podNetworkPolicy(
      name,
      {
        part: NAME,
        namespace,
        ingress: [fromPods(clients, PORT)],
      },
      parent,
    );
    const claim = new k8s.core.v1.PersistentVolumeClaim(
      name,
      {
        metadata,
        spec: {
          accessModes: ["ReadWriteOnce"],
          storageClassName: storageClass,
          resources: { requests: { storage: settings.size } },
        },
      },
      parent,
    );
    const hosts = [NAME, "localhost", "127.0.0.1"].map((host) => `${host}:${PORT}`);
    const deployment = new k8s.apps.v1.Deployment(
      name,
      {
        metadata,
        spec: {
          replicas: 1,
          revisionHistoryLimit: 3,
          progressDeadlineSeconds: 300,
          selector,
          // SQLite has one writer: the old pod must be gone before the new one opens the file.
          strategy: { type: "Recreate" },
          template: {
            metadata: { labels: labelsOf(NAME) },
            spec: restrictedPodSpec({
              pod: {},
              container: {
                name: NAME,
                image,
                args: [
                  ...["--host", "0.0.0.0", "--port", String(PORT), "--workers", "1"],
                  ...["--backend-store-uri", `sqlite:///${DATA}/mlflow.db`],
                  ...["--serve-artifacts", "--artifacts-destination", `${DATA}/artifacts`],
                  // Any other name in a request's Host is a page of the web that plays tricks with DNS.
                  ...["--allowed-hosts", hosts.join(",")],
                ],
                ports: [{ name: "http", containerPort: PORT }],
                // The first start makes the tables, and on a busy node Python takes its time.
                startupProbe: probe({ periodSeconds: 2, failureThreshold: 120 }),
                readinessProbe: probe({ periodSeconds: 5, failureThreshold: 2 }),
                livenessProbe: probe({ periodSeconds: 20, failureThreshold: 3 }),
                resources: settings.resources,
              },
              mounts: [
                {
                  path: DATA,
                  volume: {
                    name: "data",
                    persistentVolumeClaim: { claimName: claim.metadata.name },
                  },
                },
              ],
            }),
          },
        },
      },
      { ...parent, dependsOn: policy, customTimeouts: { create: "8m", update: "8m" } },
    );
    const service = new k8s.core.v1.Service(
      name,
      {
        metadata,
        spec: {
          type: "ClusterIP",
          selector: this.selector,
          ports: [{ name: "http", port: PORT, targetPort: "http" }],
        },
      },
      { ...parent, dependsOn: deployment },
    );
    this.service = service.metadata.name;
    this.url = pulumi.interpolate`http://${this.service}:${PORT}`;
    this.registerOutputs({ url: this.url, service: this.service });
  }
}

const probe = (timing: k8s.types.input.core.v1.Probe) => ({
  httpGet: { path: "/health", port: "http" },
  timeoutSeconds: 5,
  ...timing,
});
