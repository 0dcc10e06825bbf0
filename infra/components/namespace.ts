import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { labelsOf } from "./labels.ts";

/** What a {@link PlatformNamespace} is made of. */
export type PlatformNamespaceArgs = {
  /** The namespace's name in the cluster. */
  readonly name: string;
  /**
   * The pod-security profile that the API server enforces; `privileged` for what reads the node itself.
   *
   * @default restricted
   */
  readonly podSecurity?: "restricted" | "privileged";
};

/** Labels of a namespace in which the API server refuses pods that are less restricted than a profile. */
export const podSecurityLabels = (profile: string): Record<string, string> =>
  Object.fromEntries(
    ["enforce", "warn", "audit"].map((mode) => [`pod-security.kubernetes.io/${mode}`, profile]),
  );

/**
 * A namespace of the platform: the API server refuses pods that are not restricted, no pod talks to anything unless a
 * policy of its own allows it, and a container that forgets its limits gets some.
 */
export class PlatformNamespace extends pulumi.ComponentResource {
  /** The namespace's name; objects that use it wait for the namespace. */
  readonly metadataName: pulumi.Output<string>;
  /** Another one means another cluster, or that the namespace was made anew. */
  readonly uid: pulumi.Output<string>;

  constructor(
    name: string,
    args: PlatformNamespaceArgs,
    options?: pulumi.ComponentResourceOptions,
  ) {
    super("image-classification-platform:index:PlatformNamespace", name, {}, options);
    const labels = labelsOf(args.name);
    const podSecurity = podSecurityLabels(args.podSecurity ?? "restricted");
    const namespace = new k8s.core.v1.Namespace(
      name,
      { metadata: { name: args.name, labels: { ...labels, ...podSecurity } } },
      { parent: this },
    );
    this.metadataName = namespace.metadata.name;
    this.uid = namespace.metadata.uid;

    new k8s.networking.v1.NetworkPolicy(
      `${name}-default-deny`,
      {
        metadata: { name: "default-deny", namespace: this.metadataName, labels },
        spec: { podSelector: {}, policyTypes: ["Ingress", "Egress"] },
      },
      { parent: this },
    );
    new k8s.core.v1.LimitRange(
      `${name}-limits`,
      {
        metadata: { name: "limits", namespace: this.metadataName, labels },
        spec: {
          limits: [
            {
              type: "Container",
              defaultRequest: { cpu: "50m", memory: "64Mi" },
              default: { cpu: "500m", memory: "256Mi" },
            },
          ],
        },
      },
      { parent: this },
    );
    this.registerOutputs({ metadataName: this.metadataName });
  }
}
