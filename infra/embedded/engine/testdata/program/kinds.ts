import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";

/** One resource of each further kind that the engine knows how to wait for, or makes itself. */
export const declareKinds = (
  namespace: pulumi.Input<string>,
  attempt: string,
  opts: pulumi.CustomResourceOptions,
): pulumi.Output<string> => {
  const definition = new k8s.apiextensions.v1.CustomResourceDefinition(
    "widgets",
    {
      metadata: { name: "widgets.example.invalid" },
      spec: {
        group: "example.invalid",
        scope: "Namespaced",
        names: { kind: "Widget", plural: "widgets" },
        versions: [
          {
            name: "v1",
            served: true,
            storage: true,
            subresources: { status: {} },
            schema: {
              openAPIV3Schema: { type: "object", x_kubernetes_preserve_unknown_fields: true },
            },
          },
        ],
      },
    },
    opts,
  );
  new k8s.apiextensions.CustomResource(
    "widget",
    {
      apiVersion: "example.invalid/v1",
      kind: "Widget",
      metadata: {
        namespace,
        name: "widget",
        annotations: { "pulumi.com/waitFor": "jsonpath={.status.phase}=Done" },
      },
      spec: { size: 1 },
    },
    { ...opts, dependsOn: definition },
  );
  new k8s.batch.v1.Job(
    "work",
    {
      metadata: { namespace, name: "work" },
      spec: {
        backoffLimit: 0,
        template: {
          spec: {
            restartPolicy: "Never",
            containers: [{ name: "work", image: "example.invalid/work:1", args: [attempt] }],
          },
        },
      },
    },
    opts,
  );
  new k8s.core.v1.Service(
    "front",
    {
      metadata: { namespace, name: "front" },
      spec: { selector: { app: "front" }, ports: [{ port: 80 }] },
    },
    opts,
  );
  return new random.RandomPassword("word", { length: 24 }).result;
};
