import * as pulumi from "@pulumi/pulumi";
import type { Settings } from "../config/settings.ts";
import { selectorOf } from "./labels.ts";
import { persistentServer } from "./persistent-server.ts";

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
    const hosts = [NAME, "localhost", "127.0.0.1"].map((host) => `${host}:${PORT}`);
    const service = persistentServer(
      name,
      {
        part: NAME,
        ...{ namespace, image, clients, resources: settings.resources },
        program: {
          args: [
            ...["--host", "0.0.0.0", "--port", String(PORT), "--workers", "1"],
            ...["--backend-store-uri", `sqlite:///${DATA}/mlflow.db`],
            ...["--serve-artifacts", "--artifacts-destination", `${DATA}/artifacts`],
            // Any other name in a request's Host is a page of the web that plays tricks with DNS.
            ...["--allowed-hosts", hosts.join(",")],
          ],
        },
        port: { name: "http", number: PORT },
        data: { path: DATA, storageClass, size: settings.size },
        probe: { httpGet: { path: "/health", port: "http" } },
        // The first start makes the tables, and on a busy node Python takes its time.
        start: { periodSeconds: 2, progressDeadlineSeconds: 300, timeout: "8m" },
      },
      { parent: this },
    );
    this.service = service.metadata.name;
    this.url = pulumi.interpolate`http://${this.service}:${PORT}`;
    this.registerOutputs({ url: this.url, service: this.service });
  }
}
