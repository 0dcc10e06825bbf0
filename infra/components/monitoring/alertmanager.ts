import * as pulumi from "@pulumi/pulumi";
import { labelsOf, selectorOf } from "../labels.ts";
import { fromPods, toClusterDns } from "../network-rules.ts";
import { podNetworkPolicy } from "../pod-network-policy.ts";
import { UpstreamImage } from "../upstream-image.ts";
import { monitoringObject, untilAvailable } from "./kinds.ts";
import { restrictedSecurity } from "./prometheus.ts";

/** What an {@link Alertmanager} is made of. */
export type AlertmanagerArgs = { readonly namespace: pulumi.Input<string> };

const NAME = "alertmanager";

/** Alertmanager with the operator's own configuration: it groups and shows alerts, and notifies nobody until told whom. */
export class Alertmanager extends pulumi.ComponentResource {
  constructor(name: string, args: AlertmanagerArgs, options?: pulumi.ComponentResourceOptions) {
    super("image-classification-platform:index:Alertmanager", name, {}, options);
    const { namespace } = args;
    const parent = { parent: this };
    const labels = labelsOf(NAME);
    const metadata = { name: NAME, namespace, labels };
    const image = new UpstreamImage(name, { image: "alertmanager" }, parent);
    const policy = podNetworkPolicy(
      name,
      {
        part: NAME,
        namespace,
        ingress: [fromPods([selectorOf("prometheus")], 9093)],
        egress: [toClusterDns],
      },
      parent,
    );
    monitoringObject(
      "Alertmanager",
      name,
      {
        metadata: { ...metadata, annotations: untilAvailable },
        spec: {
          image: image.reference,
          version: image.tag,
          replicas: 1,
          podMetadata: { labels },
          automountServiceAccountToken: false,
          resources: {
            requests: { cpu: "10m", memory: "32Mi" },
            limits: { cpu: "200m", memory: "128Mi" },
          },
          securityContext: restrictedSecurity,
        },
      },
      { ...parent, dependsOn: policy, customTimeouts: { create: "5m", update: "5m" } },
    );
    this.registerOutputs({});
  }
}
