import * as command from "@pulumi/command";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { declareKinds } from "./kinds.ts";

/** A small platform for the engine's own tests: what it declares is set by configuration. */
const config = new pulumi.Config();
const password = config.requireSecret("password");

class Platform extends pulumi.ComponentResource {
  readonly address: pulumi.Output<string>;
  readonly word: pulumi.Output<string> | undefined;

  constructor(name: string, provider: k8s.Provider) {
    super("engine:test:Platform", name, {}, { providers: [provider] });
    const namespace = new k8s.core.v1.Namespace(
      "space",
      { metadata: { name: config.get("namespace") ?? "space" } },
      { parent: this },
    );
    const metadata = { namespace: namespace.metadata.name };
    const settings = new k8s.core.v1.ConfigMap(
      "settings",
      {
        metadata: { ...metadata, name: config.get("settingsName") ?? "settings", labels: { app: "web" } },
        data: { greeting: config.get("greeting") ?? "hello", second: "2" },
      },
      { parent: this },
    );
    new k8s.core.v1.Secret(
      "login",
      { metadata: { ...metadata, name: "login" }, stringData: { password } },
      { parent: this },
    );
    if (config.getBoolean("deployment") === true) {
      new k8s.apps.v1.Deployment(
        "web",
        {
          metadata: { ...metadata, name: "web" },
          spec: {
            replicas: 2,
            selector: { matchLabels: { app: config.get("label") ?? "web" } },
            template: {
              metadata: { labels: { app: config.get("label") ?? "web" } },
              spec: { containers: [{ name: "web", image: "example.invalid/web:1" }] },
            },
          },
        },
        { parent: this, dependsOn: settings },
      );
    }
    if (config.getBoolean("kinds") === true) {
      const attempt = config.get("attempt") ?? "1";
      this.word = declareKinds(namespace.metadata.name, attempt, { parent: this });
    }
    if (config.getBoolean("extra") === true) {
      const name = "extra";
      new k8s.core.v1.ConfigMap(name, { metadata: { ...metadata, name } }, { parent: this });
    }
    const service = new k8s.core.v1.Service(
      "web",
      { metadata: { ...metadata, name: "web" }, spec: { clusterIP: "None", ports: [{ port: 80 }] } },
      { parent: this },
    );
    this.address = pulumi.interpolate`${service.metadata.name}.${namespace.metadata.name}`;
    this.registerOutputs({ address: this.address });
  }
}

class Bucket extends pulumi.CustomResource {}

const greet = new command.local.Command("greet", {
  create: config.get("create") ?? `echo "made $WORD"; echo made >> ${config.require("journal")}`,
  update: `echo "updated $PULUMI_COMMAND_STDOUT"; echo updated >> ${config.require("journal")}`,
  delete: `echo deleted >> ${config.require("journal")}`,
  environment: { WORD: config.get("word") ?? "one" },
  triggers: [config.get("trigger") ?? "1"],
});
const provider = new k8s.Provider("cluster", {
  // As in the platform itself: a command makes the cluster.
  kubeconfig: greet.stdout.apply(() => config.require("kubeconfig")),
});
const platform = new Platform("platform", provider);
if (config.getBoolean("unknown") === true) {
  new Bucket("aws:s3/bucket:Bucket", "photos", {});
}

const breaks = config.get("breaks");
if (breaks !== undefined) new command.local.Command("breaks", { create: breaks });

if (config.getBoolean("fail") === true) throw new Error("the program cannot go on");

export const address = platform.address;
export const made = greet.stdout;
export const login = password;
export const word = platform.word;
